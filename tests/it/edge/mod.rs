//! The edge: nginx with the configuration that operators get, in front of replicas that come and go.

mod manners;
mod replicas;
mod upstream;
