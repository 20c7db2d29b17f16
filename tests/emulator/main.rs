//! The adapters over real sockets: against an AWS emulator with real functions, and against a scripted server
//! for what no emulator does. And the program itself as a process, from end to end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod destinations;
mod failures;
mod feeds;
mod fifo;
mod fifo_batches;
mod fifo_changes;
mod fifo_concurrency;
mod fifo_drain;
mod fifo_kill;
mod functions;
mod group_order;
mod harness;
mod kinesis;
mod ledger;
mod order;
mod process;
mod process_answers;
mod process_batches;
mod process_drain;
mod process_failures;
mod process_kill;
mod process_on_failure;
mod process_recovery;
mod process_refusals;
mod process_switch;
mod process_throttle;
mod process_validate;
mod proxy;
mod queues;
mod scripted;
mod stream_age;
mod stream_answers;
mod stream_cases;
mod stream_checkpoint;
mod stream_destinations;
mod stream_dynamodb;
mod stream_kill;
mod stream_kinesis;
mod stream_outage;
mod stream_reshard;
mod stream_sequences;
mod tables;
mod wire_access;
mod wire_destinations;
mod wire_dynamodb;
mod wire_environment;
mod wire_kinesis;
mod wire_kinesis_role;
mod wire_kinesis_shards;
mod wire_lambda;
mod wire_sqs;
mod wire_stream_environment;
mod zip;
