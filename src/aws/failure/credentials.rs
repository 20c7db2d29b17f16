//! Faults of credentials: there are none, or they are refused.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;

use super::words::{describe, in_chain, root_cause};
use crate::aws::credentials::ProfileError;
use crate::aws::faults::{Answer, sts_kind};
use crate::machine::{Fault, FaultKind};

/// Why there are no credentials, and what to do.
pub(crate) fn credentials_fault(error: &CredentialsError) -> Fault {
    if let Some(known) = in_chain::<ProfileError>(error) {
        return Fault::new(FaultKind::Denied, known.to_string());
    }
    if let Some(refusal) = in_chain::<AssumeRoleError>(error) {
        let meta = refusal.meta();
        let answer =
            Answer { status: 0, code: meta.code().unwrap_or_default(), message: meta.message().unwrap_or_default() };
        let kind = match sts_kind(&answer) {
            // The provider drops the status, so a code without a row says only that STS said no.
            FaultKind::Transient if !answer.code.is_empty() && !answer.code.contains("Internal") => FaultKind::Denied,
            kind => kind,
        };
        return Fault::new(
            kind,
            format!("the role cannot be assumed: {}; check RoleArn and the role's trust policy", describe(&answer)),
        );
    }
    let cause = root_cause(error);
    let (kind, text) = match error {
        CredentialsError::CredentialsNotLoaded(_) => (
            FaultKind::Denied,
            "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, \
             or give the container or instance a role"
                .to_owned(),
        ),
        CredentialsError::ProviderTimedOut(_) => (
            FaultKind::Transient,
            "the provider of the AWS credentials did not answer in time: check that it can be reached".to_owned(),
        ),
        CredentialsError::InvalidConfiguration(_) => (
            FaultKind::Denied,
            format!("the AWS credentials are misconfigured: {cause}; check AWS_PROFILE, the profile files and RoleArn"),
        ),
        _ => (
            FaultKind::Denied,
            format!("the AWS credentials cannot be loaded: {cause}; check the profile, the role or the web identity"),
        ),
    };
    Fault::new(kind, text)
}
