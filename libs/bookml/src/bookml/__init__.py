"""What training and serving of price models must share; nobody else imports it."""
