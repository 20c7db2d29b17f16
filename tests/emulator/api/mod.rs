//! The AWS API as real clients see it: boto3, the `aws` command and Terraform.

mod aws;
mod boto;
mod command;
mod errors;
mod in_use;
mod life;
mod list;
mod many;
mod operator;
mod refusals;
mod restart;
pub(crate) mod site;
mod sources;
mod terraform;
mod update;
mod wire;
