//! The adapters over real sockets: against an AWS emulator with real functions, and against a scripted server
//! for what no emulator does. And the program itself as a process, from end to end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod destinations;
mod functions;
mod harness;
mod ledger;
mod process;
mod process_answers;
mod process_batches;
mod process_drain;
mod process_failures;
mod process_kill;
mod process_recovery;
mod process_refusals;
mod process_switch;
mod process_throttle;
mod process_validate;
mod queues;
mod scripted;
mod wire_access;
mod wire_destinations;
mod wire_dynamodb;
mod wire_environment;
mod wire_kinesis;
mod wire_lambda;
mod wire_sqs;
mod wire_stream_environment;
mod zip;
