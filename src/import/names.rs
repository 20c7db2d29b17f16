//! What references to parameters and resources stand for.

use super::resolver::{Resolved, Resolver, as_cloudformation, member};
use super::sam::sam_alias_arn;
use super::value::{Unknown, Val, ValKind, both, spoken};
use super::variables::service_region;
use super::words::Words;
use crate::mapping::notation;
use crate::mapping::reader::short;
use crate::mapping::text::Span;
use crate::mapping::tree::{Node, NodeKind};

/// A resource of the file.
#[derive(Clone, Copy)]
pub(super) struct Resource<'n> {
    pub(super) id: &'n str,
    pub(super) node: &'n Node,
}

impl<'n> Resource<'n> {
    pub(super) fn kind(self) -> &'n str {
        self.node.as_map().and_then(|entries| member(entries, "Type")).and_then(Node::as_text).unwrap_or_default()
    }

    pub(super) fn property(self, name: &str) -> Option<&'n Node> {
        member(self.node.as_map()?, "Properties")?.as_map().and_then(|properties| member(properties, name))
    }
}

impl<'n> Resolver<'n> {
    /// `Ref`.
    pub(super) fn reference(&mut self, id: &str, span: Span) -> Resolved {
        if let Some(name) = id.strip_prefix("AWS::") {
            return pseudo(self, name, span);
        }
        if let Some(resource) = self.resource(id) {
            return referred(self, resource, span).map(|words| Some(Val::text(span, words)));
        }
        // SAM makes resources beside its functions.
        if let Some((function, made @ ("Alias" | "Version"))) = id.rsplit_once('.') {
            return self.attribute(function, made, span).map(Some);
        }
        if let Some(parameter) = self.parameters.get(id).copied() {
            return of_parameter(self, id, parameter, span).map(Some);
        }
        match self.given(id) {
            Some(given) => Ok(Some(Val::text(span, Words::literal(given)))),
            None => Err(nowhere(id, id, span)),
        }
    }

    /// `GetAtt`.
    pub(super) fn attribute(&mut self, id: &str, attribute: &str, span: Span) -> Result<Val, Unknown> {
        let whole = format!("{id}.{attribute}");
        if let Some(given) = self.given(&whole) {
            return Ok(Val::text(span, Words::literal(given)));
        }
        let Some(resource) = self.resource(id) else { return Err(nowhere(id, &whole, span)) };
        let words = match (resource.kind(), attribute) {
            ("AWS::SQS::Queue" | "AWS::Kinesis::Stream" | "AWS::S3::Bucket" | "AWS::DynamoDB::Table", "Arn")
            | ("AWS::Lambda::Function" | "AWS::Serverless::Function", "Arn")
            | ("AWS::DynamoDB::GlobalTable", "Arn")
            | ("AWS::SNS::Topic", "TopicArn") => arn(self, resource, span)?,
            ("AWS::SQS::Queue", "QueueName")
            | ("AWS::SNS::Topic", "TopicName")
            | ("AWS::Lambda::Function" | "AWS::Serverless::Function", "FunctionName") => self.name(resource, span)?,
            ("AWS::SQS::Queue", "QueueUrl") | ("AWS::Lambda::Alias", "AliasArn") => referred(self, resource, span)?,
            ("AWS::Serverless::Function", "Alias") => sam_alias_arn(self, resource, span)?,
            ("AWS::Kinesis::StreamConsumer", "ConsumerARN") => consumer(self, resource, span)?,
            ("AWS::Kinesis::StreamConsumer", "StreamARN") => property_text(self, resource, "StreamARN", span)?,
            ("AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable", "StreamArn") => {
                let why = format!("the label of the stream of `{}` is made by DynamoDB", short(id));
                let help = format!(
                    "give it: --parameter {whole}=ARN; `aws dynamodb describe-table` shows it as LatestStreamArn"
                );
                return Err(Unknown::new(span, why, help));
            }
            _ => {
                let why = format!("`{}` is known inside AWS only", short(&whole));
                return Err(Unknown::new(span, why, format!("give it: --parameter {whole}=VALUE")));
            }
        };
        Ok(Val::text(span, words))
    }

    pub(super) fn resource(&self, id: &str) -> Option<Resource<'n>> {
        self.resources.get_key_value(id).map(|(id, node)| Resource { id, node })
    }

    /// A resource's own name.
    pub(super) fn name(&mut self, resource: Resource<'n>, span: Span) -> Result<Words, Unknown> {
        let property = match resource.kind() {
            "AWS::SQS::Queue" => "QueueName",
            "AWS::SNS::Topic" => "TopicName",
            "AWS::S3::Bucket" => "BucketName",
            "AWS::Kinesis::Stream" => "Name",
            "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" | "AWS::Serverless::SimpleTable" => "TableName",
            _ => "FunctionName",
        };
        let id = resource.id;
        if let Some(given) = self.given(id) {
            return Ok(Words::literal(given));
        }
        let written = match resource.property(property) {
            Some(node) => self.within(format!("`{id}`"), span, |resolver| resolver.value(node))?,
            None => None,
        };
        match written.as_ref().map(|value| (value, value.words())) {
            Some((_, Some(words))) if !words.is_empty() => Ok(words.clone()),
            Some((value, _)) if !value.says_nothing() => {
                let why = format!("`{property}` of `{}` is {}", short(id), value.describe());
                Err(Unknown::new(value.span, why, "write a text"))
            }
            _ => {
                let why = format!("`{}` has no `{property}`, so its name is made up inside AWS", short(id));
                Err(made_up(id, why, span))
            }
        }
    }

    /// The ARN of a queue that SAM makes under a logical id.
    pub(super) fn sam_queue(&mut self, id: &str, span: Span) -> Result<Words, Unknown> {
        if let Some(arn) = self.given(&format!("{id}.Arn")) {
            return Ok(Words::literal(arn));
        }
        let name = self.given(id).ok_or_else(|| {
            let why = format!("SAM makes the queue `{}`, and its name is made up inside AWS", short(id));
            made_up(id, why, span)
        });
        let (arn, name) = both(arn_of(self, "sqs", span), name)?;
        Ok(Words::joined([arn, name.into()]))
    }

    /// The ARN of a function of which the name or the ARN is known.
    pub(super) fn function_arn(&mut self, function: Words, span: Span) -> Result<Words, Unknown> {
        if function.show().starts_with("arn:") {
            return Ok(function);
        }
        Ok(Words::joined([arn_of(self, "lambda", span)?, "function:".into(), function]))
    }

    pub(super) fn region(&mut self, span: Span) -> Result<Words, Unknown> {
        match &self.options.region {
            Some(region) => Ok(Words::literal(region)),
            None => match service_region(self, span)? {
                Some(region) => Ok(region),
                None => Ok(Words::written("${AWS_REGION}")),
            },
        }
    }

    pub(super) fn account(&self) -> Words {
        let account = self.options.account.as_ref();
        account.map_or_else(|| Words::written("${AWS_ACCOUNT_ID}"), Words::literal)
    }
}

/// What `Ref` of a resource is.
fn referred<'n>(resolver: &mut Resolver<'n>, resource: Resource<'n>, span: Span) -> Result<Words, Unknown> {
    match resource.kind() {
        "AWS::SQS::Queue" => {
            let (region, name) = both(resolver.region(span), resolver.name(resource, span))?;
            let account = resolver.account();
            Ok(Words::joined(["https://sqs.".into(), region, ".amazonaws.com/".into(), account, "/".into(), name]))
        }
        "AWS::SNS::Topic" => arn(resolver, resource, span),
        "AWS::S3::Bucket"
        | "AWS::Kinesis::Stream"
        | "AWS::DynamoDB::Table"
        | "AWS::DynamoDB::GlobalTable"
        | "AWS::Lambda::Function"
        | "AWS::Serverless::Function"
        | "AWS::Serverless::SimpleTable" => resolver.name(resource, span),
        "AWS::Kinesis::StreamConsumer" => consumer(resolver, resource, span),
        "AWS::Lambda::Alias" => {
            let function = property_text(resolver, resource, "FunctionName", span);
            let (function, name) = both(function, property_text(resolver, resource, "Name", span))?;
            Ok(Words::joined([resolver.function_arn(function, span)?, ":".into(), name]))
        }
        _ => match resolver.given(resource.id) {
            Some(given) => Ok(Words::literal(given)),
            None => {
                let why = format!("what `Ref` of `{}` is, is known inside AWS only", short(resource.id));
                Err(Unknown::new(span, why, format!("give it: --parameter {}=VALUE", resource.id)))
            }
        },
    }
}

fn arn<'n>(resolver: &mut Resolver<'n>, resource: Resource<'n>, span: Span) -> Result<Words, Unknown> {
    let name = resolver.name(resource, span);
    let (service, before) = match resource.kind() {
        "AWS::SQS::Queue" => ("sqs", ""),
        "AWS::SNS::Topic" => ("sns", ""),
        "AWS::Kinesis::Stream" => ("kinesis", "stream/"),
        "AWS::S3::Bucket" => {
            let arn = Words::literal(format!("arn:{}:s3:::", partition(resolver, span)?));
            return Ok(Words::joined([arn, name?]));
        }
        "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" => ("dynamodb", "table/"),
        _ => return resolver.function_arn(name?, span),
    };
    let (arn, name) = both(arn_of(resolver, service, span), name)?;
    Ok(Words::joined([arn, before.into(), name]))
}

fn arn_of(resolver: &mut Resolver<'_>, service: &str, span: Span) -> Result<Words, Unknown> {
    let arn = Words::literal(format!("arn:{}:{service}:", partition(resolver, span)?));
    Ok(Words::joined([arn, resolver.region(span)?, ":".into(), resolver.account(), ":".into()]))
}

/// The ARN of a consumer: what matters of it is its stream.
fn consumer<'n>(resolver: &mut Resolver<'n>, resource: Resource<'n>, span: Span) -> Result<Words, Unknown> {
    let stream = property_text(resolver, resource, "StreamARN", span)?;
    let name = property_text(resolver, resource, "ConsumerName", span).unwrap_or_else(|_| Words::literal(resource.id));
    Ok(Words::joined([stream, "/consumer/".into(), name, ":0".into()]))
}

fn property_text<'n>(
    resolver: &mut Resolver<'n>,
    resource: Resource<'n>,
    name: &str,
    span: Span,
) -> Result<Words, Unknown> {
    let id = resource.id;
    let value = match resource.property(name) {
        Some(node) => resolver.within(format!("`{id}`"), span, |resolver| resolver.value(node))?,
        None => None,
    };
    spoken(value.as_ref()).cloned().ok_or_else(|| {
        let why = format!("`{}` has no `{name}`", short(id));
        Unknown::new(span, why, "write the value itself")
    })
}

fn of_parameter<'n>(resolver: &mut Resolver<'n>, name: &str, node: &'n Node, span: Span) -> Result<Val, Unknown> {
    let entries = node.as_map().unwrap_or_default();
    let kind = member(entries, "Type").and_then(Node::as_text).unwrap_or("String");
    let give = format!("give it: --parameter {name}=VALUE");
    if member(entries, "NoEcho")
        .and_then(Node::as_text)
        .is_some_and(|text| notation::boolean(as_cloudformation(text)) == Ok(true))
    {
        let why = format!("the parameter `{}` is secret (`NoEcho`), and mapping files hold no secrets", short(name));
        return Err(Unknown::new(span, why, "use a parameter that may be seen"));
    }
    let default = member(entries, "Default").and_then(|default| match &default.kind {
        NodeKind::Scalar { text, plain: true } if resolver.service.is_none() => Some(as_cloudformation(text)),
        _ => default.as_text(),
    });
    let text = match (resolver.given(name), default) {
        (Some(given), _) => given,
        (None, Some(_)) if kind.starts_with("AWS::SSM::") => {
            let why = format!("the value of the parameter `{}` is in the parameter store", short(name));
            return Err(Unknown::new(span, why, give));
        }
        (None, Some(default)) => default,
        (None, None) => {
            let why = format!("the parameter `{}` has no default", short(name));
            return Err(Unknown::new(span, why, give));
        }
    };
    if kind == "CommaDelimitedList" || kind.starts_with("List<") {
        resolver.step_by(text.len() / 8, span)?;
        let items = text.split(',').map(|item| Val::text(span, Words::literal(item.trim()))).collect();
        return Ok(Val { span, kind: ValKind::List(items) });
    }
    Ok(Val::text(span, Words::literal(text)))
}

/// `AWS::…`
fn pseudo(resolver: &mut Resolver<'_>, name: &str, span: Span) -> Resolved {
    let words = match name {
        "NoValue" => return Ok(None),
        "Region" => resolver.region(span)?,
        "AccountId" => resolver.account(),
        "Partition" => Words::literal(partition(resolver, span)?),
        "URLSuffix" => {
            let china = partition(resolver, span)? == "aws-cn";
            Words::literal(if china { "amazonaws.com.cn" } else { "amazonaws.com" })
        }
        _ => {
            let whole = format!("AWS::{name}");
            match resolver.given(&whole) {
                Some(given) => Words::literal(given),
                None => {
                    let why = format!("`{}` is not known here", short(&whole));
                    return Err(Unknown::new(span, why, format!("give it: --parameter {whole}=VALUE")));
                }
            }
        }
    };
    Ok(Some(Val::text(span, words)))
}

fn partition(resolver: &mut Resolver<'_>, span: Span) -> Result<&'static str, Unknown> {
    let region = resolver.region(span)?;
    Ok(match region.as_literal() {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    })
}

/// A resource with a name that CloudFormation makes up.
fn made_up(id: &str, why: String, span: Span) -> Unknown {
    let help = format!(
        "give it: --parameter {id}=NAME; `aws cloudformation describe-stack-resource --stack-name STACK \
         --logical-resource-id {id}` shows it"
    );
    Unknown::new(span, why, help)
}

fn nowhere(id: &str, whole: &str, span: Span) -> Unknown {
    let why = format!("this file has no parameter or resource `{}`", short(id));
    Unknown::new(span, why, format!("correct the name, or give the value: --parameter {whole}=VALUE"))
}
