# Mappings of a queue and of a stream, made by Terraform through forebay's API. The variables come from the test.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" { type = string }
variable "access_key" { type = string }
variable "secret_key" { type = string }
variable "queue" { type = string }
variable "stream" { type = string }
variable "failed" { type = string }
variable "function" { type = string }

# Whether the changed mappings are wanted, or those of the beginning.
variable "changed" {
  type    = bool
  default = false
}

provider "aws" {
  region     = "us-east-1"
  access_key = var.access_key
  secret_key = var.secret_key

  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true

  endpoints { lambda = var.endpoint }
}

resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn = var.queue
  # A plain name is understood; with a qualifier the provider wants the whole ARN, because that is what the API answers.
  function_name           = var.changed ? "${var.function}:live" : "work"
  batch_size              = var.changed ? 20 : 10
  enabled                 = !var.changed
  function_response_types = ["ReportBatchItemFailures"]

  maximum_batching_window_in_seconds = var.changed ? 1 : 0

  scaling_config { maximum_concurrency = var.changed ? 7 : 5 }

  dynamic "filter_criteria" {
    for_each = var.changed ? [] : [1]
    content {
      filter { pattern = jsonencode({ body = [{ prefix = "keep" }] }) }
    }
  }

  tags = var.changed ? { team = "payments" } : { team = "orders", stage = "test" }
}

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn               = var.stream
  function_name                  = "work"
  starting_position              = "TRIM_HORIZON"
  maximum_retry_attempts         = var.changed ? 5 : 3
  bisect_batch_on_function_error = true
  parallelization_factor         = var.changed ? 2 : 1

  dynamic "destination_config" {
    for_each = var.changed ? [] : [1]
    content {
      on_failure { destination_arn = var.failed }
    }
  }
}

output "queue" { value = aws_lambda_event_source_mapping.queue.uuid }
output "stream" { value = aws_lambda_event_source_mapping.stream.uuid }
