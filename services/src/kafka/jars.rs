//! Kafka's jars, fetched once by Maven.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::home::{home, lock};

const VERSION: &str = "4.1.2";

/// Where the jars are. Tests run in several processes at once; the one with the lock fetches them.
pub(super) fn folder() -> anyhow::Result<PathBuf> {
    let jars = home()?.join(format!("kafka-{VERSION}"));
    if jars.exists() {
        return Ok(jars);
    }
    let _lock = lock("kafka-jars")?;
    if !jars.exists() {
        fetch(&jars)?;
    }
    Ok(jars)
}

fn fetch(jars: &Path) -> anyhow::Result<()> {
    let half_way = jars.with_extension("part");
    if half_way.exists() {
        fs::remove_dir_all(&half_way)?;
    }
    fs::create_dir_all(&half_way)?;
    let pom = half_way.join("pom.xml");
    fs::write(&pom, include_str!("pom.xml").replace("KAFKA_VERSION", VERSION))?;
    let fetched = Command::new("mvn")
        .args(["--quiet", "--batch-mode", "--file"])
        .arg(&pom)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", half_way.display()))
        .output()
        .context("Maven fetches Kafka; on Debian: apt-get install -y maven")?;
    if !fetched.status.success() {
        bail!("Maven can't fetch Kafka: {}", String::from_utf8_lossy(&fetched.stdout));
    }
    fs::rename(&half_way, jars)?;
    Ok(())
}
