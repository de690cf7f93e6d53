//! From committed rows to the bus: nothing lost, nothing invented, in order.

mod catalog;
mod leadership;
mod origin;
mod outages;
mod plain_sql;
mod poison;
mod redrives;
