//! Lambda functions.

use std::time::Duration;

use super::Target;
use crate::mapping::code::Code;
use crate::mapping::model::Side;
use crate::mapping::poller::side;
use crate::mapping::reader::Reader;
use crate::mapping::value::Members;

/// How a Lambda function is invoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LambdaTarget {
    /// How it is reached.
    pub side: Side,
    /// Its timeout, where its configuration may not be read.
    pub timeout: Option<Duration>,
    /// Not `RequireLambdaHeaders`: an answer counts without `X-Amz-Executed-Version` and without the id of its request.
    pub headers_optional: bool,
}

pub(super) fn read(reader: &mut Reader<'_>, options: &Members) -> Target {
    if let Some(at) = options.key("InvokeIdentityArn") {
        let message = "`InvokeIdentityArn` is for other targets: a Lambda function has its own role";
        reader.error(Code::Conflict, at, message, "remove it");
    }
    Target::Lambda(LambdaTarget {
        side: side(reader, Some(options)),
        timeout: options.duration("Timeout").map(|(timeout, _)| timeout),
        headers_optional: options.boolean("RequireLambdaHeaders") == Some(false),
    })
}
