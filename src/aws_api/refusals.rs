//! AWS's texts of refusals that depend on what there is, word for word.

use super::ApiError;

impl ApiError {
    /// No mapping has this UUID.
    pub(crate) fn no_such_mapping() -> Self {
        Self::ResourceNotFound("The resource you requested does not exist.".into())
    }

    /// No mapping has this ARN: what tagging says.
    pub(crate) fn no_such_mapping_to_tag(arn: &str) -> Self {
        Self::ResourceNotFound(format!("Event source mapping not found: {arn}"))
    }

    /// An update while the mapping is between two states.
    pub(crate) fn update_in_use() -> Self {
        Self::ResourceInUse("Cannot update the event source mapping because it is in use.".into())
    }

    /// A delete while the mapping is between two states.
    pub(crate) fn delete_in_use() -> Self {
        Self::ResourceInUse("Cannot delete the event source mapping because it is in use.".into())
    }

    /// The function is not there.
    pub(crate) fn no_such_function() -> Self {
        Self::InvalidParameterValue("Function does not exist".into())
    }

    /// The queue is not there.
    pub(crate) fn no_such_queue() -> Self {
        Self::InvalidParameterValue(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error \
             Message: The specified queue does not exist."
                .into(),
        )
    }

    /// The stream is not there.
    pub(crate) fn no_such_stream(arn: &str) -> Self {
        Self::InvalidParameterValue(format!("Stream not found: {arn}"))
    }

    /// The credentials may not receive from the queue.
    pub(crate) fn queue_denied() -> Self {
        Self::InvalidParameterValue(
            "The provided execution role does not have permissions to call ReceiveMessage on SQS".into(),
        )
    }

    /// A message would come back while the function still works on it.
    pub(crate) fn visibility_too_short(queue_seconds: u64, function_seconds: u64) -> Self {
        Self::InvalidParameterValue(format!(
            "Queue visibility timeout: {queue_seconds} seconds is less than Function timeout: {function_seconds} \
             seconds"
        ))
    }

    /// Another mapping has this queue and this function, which is named without what qualifies it.
    pub(crate) fn queue_taken(queue: &str, function: &str, uuid: &str) -> Self {
        Self::ResourceConflict(format!(
            "An event source mapping with SQS arn (\" {queue} \") and function (\" {function} \") already exists. \
             Please update or delete the existing mapping with UUID {uuid}"
        ))
    }

    /// Another mapping has this stream and this function.
    pub(crate) fn stream_taken(stream: &str, function: &str, uuid: &str) -> Self {
        Self::ResourceConflict(format!(
            "The event source arn (\" {stream} \") and function (\" {function} \") provided mapping already exists. \
             Please update or delete the existing mapping with UUID {uuid}"
        ))
    }

    /// What a file says is not changed through the API.
    pub(crate) fn of_file(uuid: &str, file: &str) -> Self {
        Self::InvalidParameterValue(format!(
            "The event source mapping {uuid} comes from the file {file}: change the file and reload forebay."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "8f2c4a1e-0b9d-4a53-9a55-5f0d6b7c8e9f";

    #[test]
    fn texts_are_those_of_aws() {
        let queue = "arn:aws:sqs:us-east-1:123456789012:q";
        let stream = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
        let invalid = (400, "InvalidParameterValueException");
        let table = [
            (
                ApiError::no_such_mapping(),
                (404, "ResourceNotFoundException"),
                "The resource you requested does not \
                exist."
                    .to_owned(),
            ),
            (
                ApiError::no_such_mapping_to_tag("a"),
                (404, "ResourceNotFoundException"),
                "Event source mapping not \
                found: a"
                    .into(),
            ),
            (
                ApiError::update_in_use(),
                (400, "ResourceInUseException"),
                "Cannot update the event source mapping \
                because it is in use."
                    .into(),
            ),
            (
                ApiError::delete_in_use(),
                (400, "ResourceInUseException"),
                "Cannot delete the event source mapping \
                because it is in use."
                    .into(),
            ),
            (ApiError::no_such_function(), invalid, "Function does not exist".into()),
            (
                ApiError::no_such_queue(),
                invalid,
                "Error occurred while ReceiveMessage. SQS Error Code: \
                AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not \
                 exist."
                    .into(),
            ),
            (ApiError::no_such_stream(stream), invalid, format!("Stream not found: {stream}")),
            (
                ApiError::queue_denied(),
                invalid,
                "The provided execution role does not have permissions to call \
                ReceiveMessage on SQS"
                    .into(),
            ),
            (
                ApiError::visibility_too_short(30, 900),
                invalid,
                "Queue visibility timeout: 30 seconds is less than \
                Function timeout: 900 seconds"
                    .into(),
            ),
            (
                ApiError::queue_taken(queue, "f", UUID),
                (409, "ResourceConflictException"),
                format!(
                    "An event source \
                mapping with SQS arn (\" {queue} \") and function (\" f \") already exists. Please update or delete \
                 the existing mapping with UUID {UUID}"
                ),
            ),
            (
                ApiError::stream_taken(stream, "f", UUID),
                (409, "ResourceConflictException"),
                format!(
                    "The event source \
                arn (\" {stream} \") and function (\" f \") provided mapping already exists. Please update or delete \
                 the existing mapping with UUID {UUID}"
                ),
            ),
            (
                ApiError::of_file(UUID, "m.yaml"),
                invalid,
                format!(
                    "The event source mapping {UUID} comes from the file \
                m.yaml: change the file and reload forebay."
                ),
            ),
        ];
        for (error, (status, code), text) in table {
            assert_eq!((error.status().as_u16(), error.code(), error.to_string()), (status, code, text));
        }
    }
}
