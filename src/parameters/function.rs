//! The parameters under `Poller.Function`: how the function is reached, and the targets other than AWS Lambda.

use std::time::Duration;

use super::{Member, Shape, members, span, text};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) static FUNCTION_SIDE: &[Member] = members! {
    /// A role that is assumed before the first call.
    RoleArn: text(1, 2048);
    /// Used instead of the region in `FunctionName`.
    Region: text(1, 64);
    /// The function's timeout, where its configuration may not be read. Of an HTTP service, the longest that a call may
    /// take; default: 60s.
    Timeout: span(SECOND, HOUR);
    /// Whether an answer of the function counts only with `X-Amz-Executed-Version` or a request id, as Lambda sends
    /// them. Default: true. Write false for an emulator that sends neither.
    RequireLambdaHeaders: Shape::Boolean;
    /// An HTTP service that takes the batches, instead of a Lambda function.
    Http: Shape::Map(HTTP);
};

static HTTP: &[Member] = members! {
    /// Where each event is posted to.
    Url: text(1, 2048);
};
