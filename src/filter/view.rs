//! What the patterns of a source see of a record.

/// What a record is, and so what patterns see of it. Records are the JSON that the function would get, as one item of `Records`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The document itself.
    Event,
    /// The record of a queue. Where the patterns name fields of `body`, it is read as JSON.
    Sqs,
    /// The record of a Kinesis stream: the members of `kinesis` stand at the top too, and `data` is what its Base64 holds, read as JSON.
    Kinesis,
    /// The record of a DynamoDB stream as it is, with type tags.
    DynamoDb,
}
