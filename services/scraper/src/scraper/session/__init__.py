"""State that the spider, the middlewares and the pipeline of one crawl process share."""
