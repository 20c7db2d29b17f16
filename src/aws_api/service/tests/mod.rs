mod changes;
mod crashes;
mod crowds;
mod lives;
mod refusals;
mod world;
