//! A vault of our own.

use std::sync::Arc;

use aws_lc_rs::rand;
use secrecy::ExposeSecret;

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::rows::{Page, Rows, SecretRow};
use crate::seal::{Sealer, text_of};
use crate::secret::{Attributes, Change, NewSecret, Secret, SecretInfo, now};
use crate::uri::{is_name, is_version};

/// The vaults of this server: values sealed, kept as [`Rows`]. Who may do what is decided by whoever calls.
#[derive(Debug, Clone)]
pub struct Embedded {
    sealer: Arc<Sealer>,
    rows: Arc<dyn Rows>,
    limits: Limits,
}

/// What came of sealing everything with the newest key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Values that were sealed with another key.
    pub resealed: u64,
    /// Values that had the newest already.
    pub current: u64,
}

impl Embedded {
    /// Vaults whose values this sealer seals and these rows keep.
    pub fn new(sealer: Sealer, rows: Arc<dyn Rows>) -> Self {
        Self { sealer: Arc::new(sealer), rows, limits: Limits::default() }
    }

    /// Within other bounds.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What seals.
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The same, to be shared.
    pub fn shared_sealer(&self) -> Arc<Sealer> {
        Arc::clone(&self.sealer)
    }

    /// Opens one value, if there is one: tells at the start that the key is another than the vault's, rather than at the
    /// first run.
    ///
    /// # Errors
    /// `WrongKey`, `Damaged`, `Unavailable`.
    pub async fn check(&self) -> Result<(), Error> {
        match self.rows.all(None, 1).await?.items.into_iter().next() {
            Some(row) => self.open(row).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Keeps a value as the secret's latest version. The name stays as it was first written.
    ///
    /// # Errors
    /// `Invalid` for what cannot be kept, `Unavailable`.
    pub async fn set(&self, vault: &str, name: &str, new: NewSecret) -> Result<Secret, Error> {
        let subject = subject(vault, name);
        self.check_name(name, &subject)?;
        self.check_change(&new.change, &subject)?;
        let value = new.value.expose_secret();
        let bytes_max = self.limits.value_bytes_max;
        if value.len() > bytes_max {
            let detail = format!("the value has {} bytes, and the most is {bytes_max}", value.len());
            return Err(Error::new(ErrorKind::Invalid, subject, detail));
        }
        let known = self.rows.latest(vault, name).await?.map(|row| row.info);
        let at = now();
        let attributes =
            Attributes { enabled: true, not_before: None, expires: None, created: at, updated: at };
        let mut info = SecretInfo {
            vault: known.as_ref().map_or(vault, |known| &known.vault).to_owned(),
            name: known.as_ref().map_or(name, |known| &known.name).to_owned(),
            version: new_version()?,
            attributes,
            content_type: None,
            tags: Default::default(),
        };
        new.change.apply(&mut info);
        info.attributes.updated = at;
        let sealed = self.sealer.seal(&context(&info), value.as_bytes())?;
        self.rows.insert(SecretRow { info: info.clone(), sealed }).await?;
        Ok(Secret { value: new.value, info })
    }

    /// A secret as the data plane gives it: the latest version, or this one. Dates are not held against it, as in Azure.
    ///
    /// # Errors
    /// `NotFound`, `Disabled`, `WrongKey`, `Damaged`, `Unavailable`.
    pub async fn get(&self, vault: &str, name: &str, version: Option<&str>) -> Result<Secret, Error> {
        let row = self.row(vault, name, version).await?;
        if !row.info.attributes.enabled {
            return Err(Error::new(ErrorKind::Disabled, subject(vault, name), "the secret is disabled")
                .with_hint(format!("enable it, or set a new version: {}", set_again(vault, name))));
        }
        self.open(row)
    }

    /// A secret's latest version, without its value.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn latest(&self, vault: &str, name: &str) -> Result<SecretInfo, Error> {
        Ok(self.row(vault, name, None).await?.info)
    }

    /// A secret that is about to be used: as [`Self::get`], and its dates count.
    ///
    /// # Errors
    /// Those too: `NotYetValid`, `Expired`.
    pub async fn read(&self, vault: &str, name: &str, version: Option<&str>) -> Result<Secret, Error> {
        let secret = self.get(vault, name, version).await?;
        check_dates(&secret.info, now())?;
        Ok(secret)
    }

    /// The latest version of each secret of a vault, by name, without the values.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn list(
        &self,
        vault: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<SecretInfo>, Error> {
        Ok(infos(self.rows.list(vault, after, self.page(most)).await?))
    }

    /// A secret's versions, the oldest first, without the values.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn versions(
        &self,
        vault: &str,
        name: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<SecretInfo>, Error> {
        let page = self.rows.versions(vault, name, after, self.page(most)).await?;
        if page.items.is_empty() && after.is_none() {
            return Err(not_found(vault, name, None));
        }
        Ok(infos(page))
    }

    /// Changes what is beside the value, of the latest version or of this one.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, `Unavailable`.
    pub async fn update(
        &self,
        vault: &str,
        name: &str,
        version: Option<&str>,
        change: Change,
    ) -> Result<SecretInfo, Error> {
        self.check_change(&change, &subject(vault, name))?;
        let mut info = self.row(vault, name, version).await?.info;
        change.apply(&mut info);
        match self.rows.update(&info).await? {
            true => Ok(info),
            false => Err(not_found(vault, name, version)),
        }
    }

    /// Removes a secret with all its versions, for good. What the latest was, without the value.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn delete(&self, vault: &str, name: &str) -> Result<SecretInfo, Error> {
        let info = self.row(vault, name, None).await?.info;
        match self.rows.delete(vault, name).await? {
            true => Ok(info),
            false => Err(not_found(vault, name, None)),
        }
    }

    /// Removes all secrets of a vault, for good.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn delete_vault(&self, vault: &str) -> Result<(), Error> {
        self.rows.delete_vault(vault).await
    }

    /// Seals everything with the key that seals now, so that the others may be taken out of the key file. It may be done
    /// while the vaults are used, and again after it was stopped.
    ///
    /// # Errors
    /// `WrongKey` and `Damaged` for the first value that cannot be opened; what was resealed before stays.
    pub async fn reseal(&self) -> Result<Resealed, Error> {
        let (mut done, mut after) = (Resealed::default(), None);
        loop {
            let page = self.rows.all(after.as_deref(), self.limits.page_rows_max).await?;
            for row in page.items {
                let about = |error: Error| error.about(subject(&row.info.vault, &row.info.name));
                match self.sealer.reseal(&context(&row.info), &row.sealed).map_err(about)? {
                    None => done.current += 1,
                    // where it is another by now, or gone, there is nothing left to do
                    Some(sealed) => {
                        done.resealed += u64::from(self.rows.reseal(&row.info, &row.sealed, sealed).await?);
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(done);
            }
        }
    }

    async fn row(&self, vault: &str, name: &str, version: Option<&str>) -> Result<SecretRow, Error> {
        let found = match version {
            None => self.rows.latest(vault, name).await?,
            Some(version) if is_version(version) => self.rows.version(vault, name, version).await?,
            Some(_) => None,
        };
        found.ok_or_else(|| not_found(vault, name, version))
    }

    fn open(&self, row: SecretRow) -> Result<Secret, Error> {
        let about = |error: Error| error.about(subject(&row.info.vault, &row.info.name));
        let value = self.sealer.open(&context(&row.info), &row.sealed).and_then(text_of).map_err(about)?;
        Ok(Secret { value, info: row.info })
    }

    fn page(&self, most: usize) -> usize {
        most.clamp(1, self.limits.page_rows_max)
    }

    fn check_name(&self, name: &str, subject: &str) -> Result<(), Error> {
        if is_name(name, self.limits.name_chars_max) {
            return Ok(());
        }
        let detail =
            format!("a secret's name has 1 to {} letters, digits and '-'", self.limits.name_chars_max);
        Err(Error::new(ErrorKind::Invalid, subject, detail))
    }

    fn check_change(&self, change: &Change, subject: &str) -> Result<(), Error> {
        let limits = &self.limits;
        let refuse = |detail: String| Err(Error::new(ErrorKind::Invalid, subject, detail));
        let tags = change.tags.iter().flatten();
        if tags.clone().count() > limits.tags_max {
            return refuse(format!("there are more than {} tags", limits.tags_max));
        }
        let long = |text: &str, most: usize| text.chars().count() > most;
        if tags
            .clone()
            .any(|(key, value)| long(key, limits.tag_chars_max) || long(value, limits.tag_chars_max))
        {
            return refuse(format!("a tag has more than {} characters", limits.tag_chars_max));
        }
        if change.content_type.as_ref().is_some_and(|text| long(text, limits.content_type_chars_max)) {
            return refuse(format!(
                "the content type has more than {} characters",
                limits.content_type_chars_max
            ));
        }
        Ok(())
    }
}

/// What a value is sealed for: this version of this secret, wherever case changes nothing.
fn context(info: &SecretInfo) -> String {
    format!("secret/{}/{}/{}", info.vault, info.name, info.version).to_ascii_lowercase()
}

fn new_version() -> Result<String, Error> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| Error::unavailable("there are no random numbers"))?;
    Ok(hex::encode(bytes))
}

fn infos(page: Page<SecretRow>) -> Page<SecretInfo> {
    Page { items: page.items.into_iter().map(|row| row.info).collect(), next: page.next }
}

fn check_dates(info: &SecretInfo, now: i64) -> Result<(), Error> {
    let subject = || subject(&info.vault, &info.name);
    let dates = &info.attributes;
    if let Some(expires) = dates.expires.filter(|at| *at <= now) {
        let detail = format!("the secret expired, {} seconds ago by its 'exp'", now - expires);
        return Err(Error::new(ErrorKind::Expired, subject(), detail)
            .with_hint(format!("put a new one there: {}", set_again(&info.vault, &info.name))));
    }
    if let Some(not_before) = dates.not_before.filter(|at| *at > now) {
        let detail = format!("the secret is not valid yet: its 'nbf' is {} seconds off", not_before - now);
        return Err(
            Error::new(ErrorKind::NotYetValid, subject(), detail).with_hint("wait, or change its 'nbf'")
        );
    }
    Ok(())
}

fn subject(vault: &str, name: &str) -> String {
    format!("secret '{name}' of vault '{vault}'")
}

fn set_again(vault: &str, name: &str) -> String {
    format!("az keyvault secret set --vault-name {vault} --name {name} --value …")
}

fn not_found(vault: &str, name: &str, version: Option<&str>) -> Error {
    let detail = match version {
        None => "there is no such secret".to_owned(),
        Some(version) => format!("there is no version {version} of it"),
    };
    Error::new(ErrorKind::NotFound, subject(vault, name), detail)
        .with_hint(format!("check the name, or set it: {}", set_again(vault, name)))
}
