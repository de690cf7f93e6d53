use serde::Deserialize;

/// `[metrics]`: measurements.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSettings {
    /// Whether measurements are kept and `GET /metrics` answers.
    pub enabled: bool,
}
