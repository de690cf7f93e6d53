//! What the platform is about.
