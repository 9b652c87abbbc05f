"""Models: predictions, their quality, drift, experiments; by source where there is one."""

from deploy.observability.panels import Board, Panel, Query, Row, build_quantiles, build_rate

_VERSION = "model, version, variant"
_NAME = "{{model}} {{version}} {{variant}}"
_PREDICTIONS = Row(
    "Predictions",
    (
        Panel(
            "Predictions by kind",
            "ops",
            "Answers of models and of baselines. Healthy: baselines only for sources without a signal.",
            (Query(build_rate("ml_predictions_total", "model, kind"), "{{model}} {{kind}}"),),
        ),
        Panel(
            "Latency",
            "s",
            "Duration of a predict request in ml-api. Healthy: 99 % below 100 ms.",
            build_quantiles("ml_predict_seconds"),
            limit=0.1,
        ),
        Panel(
            "Predictions that wait",
            "none",
            "In the journal only. Healthy: near 0; above 10,000 pages, beyond 100,000 new ones are refused.",
            (Query("sum(ml_predictions_waiting)", "waiting"),),
            limit=10_000,
        ),
    ),
)
_QUALITY = Row(
    "Quality",
    (
        Panel(
            "Prices inside the interval",
            "percentunit",
            "Share of observed prices inside the 90 % interval. Healthy: 85 to 95 %, once 100 are observed.",
            (Query(f"max by ({_VERSION}) (ml_live_coverage)", _NAME),),
            limit=0.85,
            is_floor=True,
        ),
        Panel(
            "Error of prices",
            "none",
            "RMSLE of predictions with an observed price. Healthy: as on the model's card.",
            (Query(f"max by ({_VERSION}) (ml_live_rmsle)", _NAME),),
        ),
        Panel(
            "Observed prices",
            "none",
            "Predictions with an observed price. Healthy: 100 or more, else they mean little.",
            (Query(f"max by ({_VERSION}) (ml_live_observed)", _NAME),),
        ),
    ),
)
_DRIFT = Row(
    "Drift",
    (
        Panel(
            "Population stability index",
            "none",
            "Of requested features against the trained ones. Healthy: below 0.25.",
            (Query("max by (model, feature) (ml_drift_psi)", "{{model}} {{feature}}"),),
            limit=0.25,
        ),
        Panel(
            "Kolmogorov-Smirnov distance",
            "none",
            "Of requested features against the trained ones. Healthy: below 0.3.",
            (Query("max by (model, feature) (ml_drift_ks)", "{{model}} {{feature}}"),),
            limit=0.3,
        ),
        Panel(
            "Sources with a signal",
            "none",
            "1 when the newest model passed the gate. Healthy: 1, or 0 for a source whose prices are random.",
            (
                Query(
                    'max by (source, currency) (ml_source_has_signal{source=~"$source"})',
                    "{{source}} {{currency}}",
                ),
            ),
            is_number=True,
        ),
    ),
)
_VERSIONS = Row(
    "Versions",
    (
        Panel(
            "Age of the champion",
            "s",
            "Time since it was trained. Healthy: below 90 days.",
            (Query("max by (model) (ml_model_age_seconds)", "{{model}}"),),
            limit=90 * 86_400,
            is_number=True,
        ),
        Panel(
            "Share of the challenger",
            "percent",
            "Subjects that it predicts for. Healthy: rises by steps, or 0 without an experiment.",
            (Query("max by (model) (ml_trial_percent)", "{{model}}"),),
        ),
        Panel(
            "Failures of the challenger",
            "ops",
            "Its failed predictions; the champion answers instead. Healthy: none.",
            (Query(build_rate("ml_challenger_failures_total", "model, version"), "{{model}} {{version}}"),),
        ),
        Panel(
            "Registry in trouble",
            "none",
            "1 while the registry is away or a model can't be loaded. Healthy: 0.",
            (Query("max(ml_registry_trouble)", "trouble"),),
            limit=1,
            is_number=True,
        ),
        Panel(
            "Trainings by result",
            "none",
            "Of the trainer over a day, while it runs. Healthy: no failed ones.",
            (
                Query(
                    'sum by (source, result) (increase(trainer_runs_total{source=~"$source"}[1d]))',
                    "{{source}} {{result}}",
                ),
            ),
            is_number=True,
        ),
    ),
)
MODELS = Board(
    "models",
    "Bookstream: models",
    "Predictions of prices: use, quality, drift, experiments.",
    (_PREDICTIONS, _QUALITY, _DRIFT, _VERSIONS),
    source_metric="ml_source_has_signal",
)
