//! `forebay store`: the table that replicas share.

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};

use super::connect::block_on;
use super::exit::{CliError, Exit, Outcome};
use super::output::{data, say};
use super::stores;
use crate::store::{StoreLocation, TablePlace, create};

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make the table of a store in DynamoDB, unless it is there
    Create(PlaceArgs),
    /// Print what makes the table, and the least permissions that forebay needs
    Describe(DescribeArgs),
}

#[derive(Debug, Args)]
struct PlaceArgs {
    /// dynamodb://TABLE or dynamodb://TABLE?region=REGION
    #[arg(value_name = "STORE")]
    store: StoreLocation,
}

#[derive(Debug, Args)]
struct DescribeArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// What to print
    #[arg(long = "as", value_enum, default_value_t)]
    form: Form,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Form {
    /// A resource of Terraform
    #[default]
    Terraform,
    /// A resource of CloudFormation
    Cloudformation,
    /// The policy of IAM for `forebay run`
    Iam,
}

impl PlaceArgs {
    fn table(self) -> Result<TablePlace, CliError> {
        match self.store {
            StoreLocation::DynamoDb(place) => Ok(place),
            other => Err(CliError::usage(anyhow!(
                "{other} is no table: write dynamodb://TABLE or dynamodb://TABLE?region=REGION\nhelp: forebay makes \
                 the file of a store by itself"
            ))),
        }
    }
}

impl StoreArgs {
    pub(super) fn execute(self) -> Outcome {
        match self.verb {
            Verb::Create(place) => {
                let place = place.table()?;
                block_on(async {
                    let table = stores::table(&place).await.map_err(anyhow::Error::from)?;
                    create(&table).await.map_err(anyhow::Error::from)
                })??;
                say(&format!(
                    "the table {} is ready: run forebay with --store {}",
                    place.table,
                    StoreLocation::DynamoDb(place.clone())
                ));
            }
            Verb::Describe(DescribeArgs { place, form }) => {
                let place = place.table()?;
                data(&match form {
                    Form::Terraform => terraform(&place.table),
                    Form::Cloudformation => cloudformation(&place.table),
                    Form::Iam => policy(&place),
                })?;
            }
        }
        Ok(Exit::Done)
    }
}

fn terraform(table: &str) -> String {
    format!(
        r#"resource "aws_dynamodb_table" "forebay" {{
  name                        = "{table}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = true

  attribute {{
    name = "pk"
    type = "S"
  }}

  attribute {{
    name = "sk"
    type = "S"
  }}

  ttl {{
    attribute_name = "ttl"
    enabled        = true
  }}

  point_in_time_recovery {{
    enabled = true
  }}
}}
"#
    )
}

fn cloudformation(table: &str) -> String {
    format!(
        "Resources:
  ForebayTable:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      TableName: {table}
      BillingMode: PAY_PER_REQUEST
      DeletionProtectionEnabled: true
      AttributeDefinitions:
        - {{ AttributeName: pk, AttributeType: S }}
        - {{ AttributeName: sk, AttributeType: S }}
      KeySchema:
        - {{ AttributeName: pk, KeyType: HASH }}
        - {{ AttributeName: sk, KeyType: RANGE }}
      TimeToLiveSpecification: {{ AttributeName: ttl, Enabled: true }}
      PointInTimeRecoverySpecification: {{ PointInTimeRecoveryEnabled: true }}
"
    )
}

fn policy(place: &TablePlace) -> String {
    let region = place.region.as_deref().unwrap_or("*");
    format!(
        r#"{{
  "Version": "2012-10-17",
  "Statement": [
    {{
      "Effect": "Allow",
      "Action": [
        "dynamodb:DescribeTable",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem"
      ],
      "Resource": "arn:aws:dynamodb:{region}:*:table/{table}"
    }}
  ]
}}
"#,
        table = place.table
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_json_of_that_table() {
        let place = TablePlace { table: "fleet".into(), region: Some("eu-west-1".into()) };
        let policy: serde_json::Value = serde_json::from_str(&policy(&place)).unwrap();
        assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:dynamodb:eu-west-1:*:table/fleet");
    }

    #[test]
    fn a_template_names_keys_and_time_to_live() {
        for text in [terraform("fleet"), cloudformation("fleet")] {
            for part in ["fleet", "pk", "sk", "ttl", "PAY_PER_REQUEST"] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }
}
