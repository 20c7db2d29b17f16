//! Every problem that a mapping file can have, by a stable number.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[$about:meta])* $name:ident = $id:literal,)*) => {
        /// The stable code of a diagnostic. A number is never given a second meaning.
        ///
        /// `FB00xx` files and syntax, `FB01xx` structure, `FB02xx` values, `FB03xx` rules across
        /// parameters and mappings, `FB04xx` what forebay does not take (yet), `FB05xx` advice of
        /// `validate --online`, `FB06xx` what a running mapping meets. FB0401, FB0402, FB0404, FB0405 and FB0408
        /// are used up.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$about])* $name,)*
        }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as it is printed: `FB0101`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }
        }
    };
}

codes! {
    /// A file or folder could not be read.
    Unreadable = "FB0001",
    /// A path does not exist.
    PathMissing = "FB0002",
    /// A folder holds no mapping file.
    FolderEmpty = "FB0003",
    /// A file is not UTF-8.
    NotUtf8 = "FB0004",
    /// A file holds no mapping.
    FileEmpty = "FB0005",
    /// A file is larger than a mapping file may be.
    TooLarge = "FB0006",
    /// A file is neither YAML nor JSON.
    Syntax = "FB0007",
    /// A key stands twice in one map.
    DuplicateKey = "FB0008",
    /// A YAML tag that has no meaning here.
    Tag = "FB0009",
    /// A CloudFormation function.
    Intrinsic = "FB0010",
    /// A YAML alias or merge key that cannot be followed.
    Alias = "FB0011",
    /// A variable that the environment does not have.
    UndefinedVariable = "FB0012",
    /// An interpolation that cannot be read.
    Interpolation = "FB0013",

    /// A key that no mapping has.
    UnknownKey = "FB0101",
    /// A value of the wrong type.
    WrongType = "FB0102",
    /// A parameter that must be there.
    Missing = "FB0103",
    /// Something that is not an event source mapping.
    NotAMapping = "FB0104",
    /// A parameter that other sources take.
    OtherSource = "FB0105",

    /// A number outside its range.
    OutOfRange = "FB0201",
    /// A number that is not written as a plain whole number.
    NumberForm = "FB0202",
    /// A text that is too short or too long.
    TextLength = "FB0203",
    /// A value that is not one of those allowed.
    NotAllowed = "FB0204",
    /// An `EventSourceArn` that is no ARN of a source.
    SourceArn = "FB0205",
    /// A `FunctionName` that is none of Lambda's forms.
    FunctionName = "FB0206",
    /// A `Name` that cannot serve as one.
    Name = "FB0207",
    /// A duration that cannot be read.
    DurationForm = "FB0208",
    /// A duration outside its range.
    DurationRange = "FB0209",
    /// A list with too many items.
    TooMany = "FB0210",
    /// An endpoint that is not an http or https URL.
    Endpoint = "FB0211",
    /// A region that cannot be one.
    Region = "FB0212",
    /// An ARN that is not an IAM role's.
    RoleArn = "FB0213",
    /// A filter pattern that is not a JSON object.
    Pattern = "FB0214",
    /// A boolean that is not written `true` or `false`.
    BooleanForm = "FB0215",
    /// A time that cannot be read.
    TimeForm = "FB0216",
    /// A time that is yet to come.
    TimeInFuture = "FB0217",
    /// A destination that is no ARN of one.
    DestinationArn = "FB0218",
    /// A filter pattern with something in it that is none of the language's.
    PatternRefused = "FB0219",
    /// An address to listen on, or to take connections from, that cannot be one.
    ListenAddress = "FB0220",
    /// A header that cannot be sent, or is set by forebay.
    Header = "FB0221",
    /// A list of statuses that cannot be followed.
    StatusCode = "FB0222",
    /// A file that is not named by an absolute path.
    FilePath = "FB0223",
    /// A secret in a mapping file.
    InlineSecret = "FB0224",
    /// A variable of a worker that cannot be one.
    Variable = "FB0225",

    /// `BatchSize` above 10 without a batching window.
    BatchNeedsWindow = "FB0301",
    /// `BatchSize` above 10 on a FIFO queue.
    FifoBatch = "FB0302",
    /// A batching window on a FIFO queue.
    FifoWindow = "FB0303",
    /// Two mappings of one name.
    DuplicateName = "FB0304",
    /// Two mappings of one source and one function.
    DuplicatePair = "FB0305",
    /// Queue and function in different regions.
    RegionsDiffer = "FB0306",
    /// A backoff whose first pause is longer than its longest.
    BackoffOrder = "FB0307",
    /// Provisioned pollers and `MaximumConcurrency` together.
    PollersAndConcurrency = "FB0308",
    /// Fewer maximum than minimum pollers.
    PollersOrder = "FB0309",
    /// An `OnSuccess` destination.
    OnSuccess = "FB0310",
    /// One setting given by two parameters.
    Conflict = "FB0311",
    /// `AT_TIMESTAMP` without a timestamp, or a timestamp without `AT_TIMESTAMP`.
    TimestampPosition = "FB0312",
    /// A starting position that the kind of stream does not have.
    PositionUnsupported = "FB0313",
    /// A tumbling window with a `ParallelizationFactor` above 1.
    WindowAndParallelization = "FB0314",
    /// A tumbling window with filters.
    WindowAndFilters = "FB0315",
    /// Failure records into the source itself.
    DestinationIsSource = "FB0316",
    /// A setting of failure records without a destination.
    DestinationMissing = "FB0317",
    /// `Poller.GroupOrder` without `ReportBatchItemFailures`.
    GroupOrderIdle = "FB0318",
    /// A pattern with values where the source has an object.
    PatternOfSource = "FB0319",
    /// What becomes of filtered records, and no filters.
    FiltersIdle = "FB0320",
    /// More filters than AWS takes unasked.
    ManyFilters = "FB0321",
    /// A pattern that no record of the source can match.
    NeverMatches = "FB0322",
    /// A field that stands twice in a pattern.
    FieldTwice = "FB0323",
    /// `Poller.OnFiltered: Release` with a FIFO queue.
    ReleaseOfGroups = "FB0324",
    /// A listener for workers that anyone could reach.
    OpenListener = "FB0325",
    /// One listener for the workers of two functions.
    SharedListener = "FB0326",
    /// A secret that is sent without TLS.
    SecretInPlain = "FB0327",
    /// A target that wraps events into another form.
    WrappedEvent = "FB0328",
    /// More concurrency than the target takes.
    ConcurrencyAboveTarget = "FB0329",
    /// Emulators that other replicas could invoke.
    SharedEmulator = "FB0330",
    /// Settings of workers that nothing starts.
    CommandMissing = "FB0331",

    /// A source that forebay does not poll.
    SourceUnsupported = "FB0403",
    /// Provisioned pollers.
    ProvisionedPollers = "FB0406",
    /// A key to encrypt the filters with.
    KmsKey = "FB0407",
    /// Enhanced fan-out.
    FanOutNotYet = "FB0409",
    /// A status that ends a batch at once.
    TerminalStatus = "FB0410",

    /// The visibility timeout is shorter than the function's.
    VisibilityBelowTimeout = "FB0501",
    /// The visibility timeout is shorter than AWS advises.
    VisibilityShort = "FB0502",
    /// Messages are dead-lettered after few receives.
    ReceiveCountLow = "FB0503",
    /// Failing messages are never dead-lettered.
    NoRedrive = "FB0504",
    /// More concurrency than the function has reserved.
    ConcurrencyAboveReserved = "FB0505",
    /// Messages may expire while they are held.
    RetentionShort = "FB0506",
    /// The function may not run at all.
    ReservedZero = "FB0507",
    /// The mapping's function timeout is shorter than the function's own.
    FunctionTimeoutBelow = "FB0508",
    /// The queue could not be asked.
    QueueUnreached = "FB0509",
    /// The function could not be asked.
    FunctionUnreached = "FB0510",
    /// The stream could not be asked.
    StreamUnreached = "FB0511",
    /// A record that always fails is tried without end.
    NoRetryLimit = "FB0512",
    /// Records that fail for good are discarded.
    NoDestination = "FB0513",
    /// Messages are dead-lettered before they reach the failure destination.
    RedriveFirst = "FB0514",
    /// The stream takes no more records.
    StreamDisabled = "FB0520",

    /// The checkpoints of a stream mapping are lost.
    CheckpointsLost = "FB0601",
    /// The store was written by a newer forebay.
    StoreNewer = "FB0602",
    /// The store's file does not stand at its path any more.
    StoreGone = "FB0603",
    /// The store cannot be read, or holds rows that are not what was written.
    StoreDamaged = "FB0604",
    /// A mapping's stream takes no more records.
    SourceDisabled = "FB0611",
    /// Checkpoints do not fit what the stream lists.
    CheckpointsContradicted = "FB0612",
    /// A mapping reads no shard.
    NothingRead = "FB0613",
    /// The host's clock is far from the source's.
    ClockSkewed = "FB0614",
    /// The table of a shared store is not there.
    TableMissing = "FB0620",
    /// The table of a shared store is another program's, or cannot serve.
    TableForeign = "FB0621",
    /// An item of a shared store is not as forebay writes it.
    ItemDamaged = "FB0622",
    /// An operator's change of checkpoints was not finished.
    ChangeUnfinished = "FB0623",
    /// Replicas have different mappings of one name.
    ReplicasDiffer = "FB0624",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
