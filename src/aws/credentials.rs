//! The process's own credentials: the SDK's default chain, and clear words where a profile gives none.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::{self, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};
use thiserror::Error as ThisError;

use super::failure::{chain, in_chain, shortened};

/// Longer chains of `source_profile` are circles.
const LONGEST_CHAIN: usize = 16;

/// How somebody logs in where the profile holds no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// IAM Identity Center: `aws sso login`.
    Sso,
    /// The console's session: `aws login`.
    Console,
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sso => "SSO",
            Self::Console => "`aws login`",
        })
    }
}

/// Why a profile gives no credentials, and what to do.
#[derive(Debug, PartialEq, Eq, ThisError)]
pub(super) enum ProfileError {
    /// The SDK in this program was built without it.
    #[error(
        "profile {profile} uses {login}, which this build cannot read: run \
         `aws configure export-credentials --profile {profile} --format env`"
    )]
    Unreadable { profile: String, login: Login },
    /// There is no token, it has expired, or the portal refuses.
    #[error("profile {profile} uses SSO, which gave no credentials: {cause}; run `aws sso login --profile {profile}`")]
    NotLoggedIn { profile: String, cause: String },
}

/// The SDK's default chain. The SDK's own keeps a profile that cannot be read for ever, and says why only once; this
/// one is made again after an error, so that a profile that was corrected is read without a restart.
pub(super) struct Chain {
    config: SdkConfig,
    http: SharedHttpClient,
    current: Mutex<Option<Arc<DefaultCredentialsChain>>>,
}

impl Chain {
    /// A chain whose calls are made as `config` says.
    pub(super) const fn new(config: SdkConfig, http: SharedHttpClient) -> Self {
        Self { config, http, current: Mutex::new(None) }
    }

    async fn credentials(&self) -> provider::Result {
        let chain = self.chain().await;
        let error = match chain.provide_credentials().await {
            Ok(credentials) => return Ok(credentials),
            // Another call had the error of this chain.
            Err(CredentialsError::Unhandled(_)) => match self.renewed(&chain).await.provide_credentials().await {
                Ok(credentials) => return Ok(credentials),
                Err(error) => error,
            },
            Err(error) => error,
        };
        self.forget();
        Err(explained(error).await)
    }

    async fn chain(&self) -> Arc<DefaultCredentialsChain> {
        let known = self.current().clone();
        match known {
            Some(chain) => chain,
            None => self.made().await,
        }
    }

    /// The chain in place of one that has failed; that of another call, if there is one.
    async fn renewed(&self, failed: &Arc<DefaultCredentialsChain>) -> Arc<DefaultCredentialsChain> {
        let known = self.current().clone();
        match known {
            Some(chain) if !Arc::ptr_eq(&chain, failed) => chain,
            _ => self.made().await,
        }
    }

    async fn made(&self) -> Arc<DefaultCredentialsChain> {
        let mut settings = ProviderConfig::without_region()
            .with_http_client(self.http.clone())
            .with_region(self.config.region().cloned())
            .with_use_fips(self.config.use_fips())
            .with_use_dual_stack(self.config.use_dual_stack())
            .with_behavior_version(self.config.behavior_version());
        if let Some(retries) = self.config.retry_config() {
            settings = settings.with_retry_config(retries.clone());
        }
        if let Some(timeouts) = self.config.timeout_config() {
            settings = settings.with_timeout_config(timeouts.clone());
        }
        let mut builder = DefaultCredentialsChain::builder().configure(settings);
        builder.set_region(self.config.region().cloned());
        let made = Arc::new(builder.build().await);
        *self.current() = Some(Arc::clone(&made));
        made
    }

    fn forget(&self) {
        *self.current() = None;
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Arc<DefaultCredentialsChain>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").finish_non_exhaustive()
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.current().as_ref().and_then(|chain| chain.fallback_on_interrupt())
    }
}

/// The error in the words of the profile's login, where that is what failed.
async fn explained(error: CredentialsError) -> CredentialsError {
    if !matches!(error, CredentialsError::InvalidConfiguration(_) | CredentialsError::ProviderError(_)) {
        return error;
    }
    // The type of the default, which is the usual files, has no name outside of the SDK that is here to stay.
    let Ok(profiles) = profile::load(&Fs::real(), &Env::real(), &Default::default(), None).await else { return error };
    let Some(login) = login(&profiles) else { return error };
    let profile = profiles.selected_profile().to_owned();
    match (&error, login) {
        (CredentialsError::InvalidConfiguration(_), Login::Sso) if cfg!(feature = "sso") => error,
        (CredentialsError::InvalidConfiguration(_), login) => {
            CredentialsError::invalid_configuration(ProfileError::Unreadable { profile, login })
        }
        // A role that STS refuses comes after the login.
        (CredentialsError::ProviderError(_), Login::Sso) if in_chain::<AssumeRoleError>(&error).is_none() => {
            CredentialsError::provider_error(ProfileError::NotLoggedIn { profile, cause: cause(&error) })
        }
        _ => error,
    }
}

/// How the selected profile, or the one that its role is assumed from, logs in.
fn login(profiles: &ProfileSet) -> Option<Login> {
    let mut profile = profiles.get_profile(profiles.selected_profile())?;
    for _ in 0..LONGEST_CHAIN {
        match profile.get("source_profile").filter(|source| *source != profile.name()) {
            Some(source) if profile.get("role_arn").is_some() => profile = profiles.get_profile(source)?,
            _ => break,
        }
    }
    let has = |key| profile.get(key).is_some();
    if has("sso_session") || has("sso_start_url") {
        Some(Login::Sso)
    } else {
        has("login_session").then_some(Login::Console)
    }
}

/// The innermost error; of one of the system also what it happened to.
fn cause(error: &CredentialsError) -> String {
    let texts: Vec<&(dyn Error + 'static)> = chain(error).collect();
    let from = match texts.as_slice() {
        [.., _, last] if last.is::<io::Error>() => texts.len() - 2,
        _ => texts.len().saturating_sub(1),
    };
    shortened(&texts[from..].iter().map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    async fn profiles(text: &str) -> ProfileSet {
        let fs = Fs::from_map(HashMap::from([("/config".to_owned(), text.as_bytes().to_vec())]));
        let env = Env::from_slice(&[("AWS_CONFIG_FILE", "/config"), ("AWS_PROFILE", "corp")]);
        profile::load(&fs, &env, &Default::default(), None).await.unwrap()
    }

    #[tokio::test]
    async fn a_login_is_found_behind_roles() {
        let session =
            "[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://x\n[profile corp]\nsso_session = s";
        let role = "[profile corp]\nrole_arn = arn\nsource_profile = base\n[profile base]\nsso_start_url = https://x";
        let circle =
            "[profile corp]\nrole_arn = arn\nsource_profile = b\n[profile b]\nrole_arn = a\nsource_profile = corp";
        let own =
            "[profile corp]\nrole_arn = arn\nsource_profile = corp\naws_access_key_id = A\naws_secret_access_key = b";
        for (text, expected) in [
            (session, Some(Login::Sso)),
            ("[profile corp]\nsso_start_url = https://x", Some(Login::Sso)),
            (role, Some(Login::Sso)),
            ("[profile corp]\nlogin_session = arn:aws:iam::1:user/a", Some(Login::Console)),
            ("[profile corp]\naws_access_key_id = A\n[profile other]\nsso_session = s", None),
            (circle, None),
            (own, None),
            ("[profile other]\nsso_session = s", None),
        ] {
            assert_eq!(login(&profiles(text).await), expected, "{text}");
        }
    }

    #[test]
    fn the_command_to_run_is_named_with_its_profile() {
        let unreadable = |login| ProfileError::Unreadable { profile: "corp".into(), login }.to_string();
        assert_eq!(
            unreadable(Login::Sso),
            "profile corp uses SSO, which this build cannot read: run \
             `aws configure export-credentials --profile corp --format env`"
        );
        assert!(unreadable(Login::Console).starts_with("profile corp uses `aws login`, which this build cannot read"));
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        #[derive(Debug, ThisError)]
        #[error("failed to read `token.json`")]
        struct Reading(#[source] io::Error);
        let error = CredentialsError::provider_error(Reading(missing));
        assert_eq!(cause(&error), "failed to read `token.json`: entity not found");
        assert_eq!(cause(&CredentialsError::provider_error("the token has expired")), "the token has expired");
    }
}
