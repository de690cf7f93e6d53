//! What is measured, and where `/metrics` reads it.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;

/// Upper bounds, in seconds, of what requests may take: from a snapshot's microseconds to the longest deadline.
const REQUEST_SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Between two clearings of the recorder's buffers, which grow with every measurement until then.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why nothing can be measured.
#[derive(Debug, Error)]
pub enum MeasurementsError {
    /// Somebody else measures in this process.
    #[error(transparent)]
    Recorder(#[from] BuildError),
    /// There is no thread for the recorder's upkeep.
    #[error("the upkeep of measurements needs a thread: {0}")]
    Upkeep(#[from] io::Error),
}

/// Keeps measurements from now on, for the whole process; asked again, gives the same handle.
///
/// # Errors
/// See [`MeasurementsError`].
pub fn measurements() -> Result<PrometheusHandle, MeasurementsError> {
    static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut recorder = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*recorder {
        return Ok(handle.clone());
    }
    let handle = install()?;
    *recorder = Some(handle.clone());
    Ok(handle)
}

fn install() -> Result<PrometheusHandle, MeasurementsError> {
    let requests = Matcher::Full("botberi_http_request_duration_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(requests, &REQUEST_SECONDS)?;
    let handle = builder.install_recorder()?;
    metrics::describe_counter!("botberi_http_requests_total", "Requests that were answered");
    metrics::describe_histogram!(
        "botberi_http_request_duration_seconds",
        metrics::Unit::Seconds,
        "From the head of a request to its answer"
    );
    let keeper = handle.clone();
    // A thread and not a task: the recorder is the process's and outlives any runtime.
    thread::Builder::new().name("measurements".to_owned()).spawn(move || {
        loop {
            thread::sleep(UPKEEP);
            keeper.run_upkeep();
        }
    })?;
    Ok(handle)
}
