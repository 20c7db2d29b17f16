//! The state of a mapping, as its log and its metrics name it.

use serde::{Deserialize, Serialize};

use crate::machine::labels;

labels! {
    /// AWS's states of an event source mapping.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub enum MappingState {
        /// Being made.
        Creating => "Creating",
        /// On its way to `Enabled`.
        Enabling => "Enabling",
        /// Polls.
        Enabled => "Enabled",
        /// Drains.
        Disabling => "Disabling",
        /// Does not poll.
        Disabled => "Disabled",
        /// Takes over a changed definition.
        Updating => "Updating",
        /// Drains for the last time: its definition is gone.
        Deleting => "Deleting",
    }
}
