//! Teams: who reaches what, over REST and live, while members come and go.

mod api;
mod door;
mod history;
mod keys;
mod live;
mod matrix;
mod outages;
mod projection;
mod races;
mod world;
