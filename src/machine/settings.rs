//! What a function says of itself.

use std::time::Duration;

/// What a function's configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSettings {
    /// `Timeout`: the longest that an invocation may run.
    pub timeout: Duration,
    /// `ReservedConcurrentExecutions`, where it is known.
    pub reserved_concurrency: Option<u32>,
    /// `Role`: the ARN of the execution role, where it has one.
    pub role: Option<String>,
    /// `FunctionArn`, where the answer has it.
    pub arn: Option<String>,
}
