//! Publishes (waits for the store).

mod settings;

pub use settings::EventPublisherSettings;
