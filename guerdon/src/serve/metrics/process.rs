//! The process as the system sees it, under the names that every Prometheus client has. They are
//! read at each scrape; what the system doesn't tell is missing.

use std::fmt;
use std::fs;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use trace::unix_micros;

/// The process's own numbers.
#[derive(Debug)]
pub(super) struct ProcessMetrics {
    /// In seconds since 1970.
    started_at: f64,
}

impl ProcessMetrics {
    /// Of a process that starts now.
    pub(super) fn of_this_start() -> Self {
        let since = Duration::from_micros(unix_micros().unsigned_abs());
        Self { started_at: since.as_secs_f64() }
    }
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauge = |encoder: &mut DescriptorEncoder<'_>, name, help, unit: Option<Unit>, value| {
            let Some(value) = value else { return Ok(()) };
            let metric = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        let help = "processor time that the process has used";
        let unit = Some(&Unit::Seconds);
        let cpu = encoder.encode_descriptor("process_cpu", help, unit, MetricType::Counter)?;
        ConstCounter::new(cpu_seconds()).encode(cpu)?;
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kib = |field| number(&status, field).map(|kib| kib * 1024.0);
        let (name, help) = ("process_resident_memory", "memory of the process that is in use");
        gauge(&mut encoder, name, help, Some(Unit::Bytes), kib("VmRSS:"))?;
        let (name, help) = ("process_virtual_memory", "memory that the process has reserved");
        gauge(&mut encoder, name, help, Some(Unit::Bytes), kib("VmSize:"))?;
        let (name, help) = ("process_threads", "threads of the process");
        gauge(&mut encoder, name, help, None, number(&status, "Threads:"))?;
        let (name, help) = ("process_open_fds", "open files and connections");
        gauge(&mut encoder, name, help, None, open_files())?;
        let (name, help) = ("process_max_fds", "the limit on open files and connections");
        let limit = getrlimit(Resource::Nofile).current.map(as_f64);
        gauge(&mut encoder, name, help, None, limit)?;
        let (name, help) = ("process_start_time", "when the process started, since 1970");
        gauge(&mut encoder, name, help, Some(Unit::Seconds), Some(self.started_at))
    }
}

fn cpu_seconds() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(used).unwrap_or_default().as_secs_f64()
}

/// The number of a field of `/proc/self/status`.
fn number(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_files() -> Option<f64> {
    // The folder that is read is one of them.
    let count = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u32::try_from(count).ok().map(f64::from)
}

/// Exact up to 2^32, and no limit is above that.
fn as_f64(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_the_status_is_found_by_its_name() {
        let status = "Name:\tguerdon\nVmRSS:\t   5120 kB\nThreads:\t9\n";
        assert_eq!(number(status, "VmRSS:"), Some(5120.0));
        assert_eq!(number(status, "Threads:"), Some(9.0));
        assert_eq!(number(status, "VmSwap:"), None);
    }

    #[test]
    fn a_process_has_used_time_and_opened_files() {
        assert!(cpu_seconds() > 0.0);
        assert!(open_files().is_some_and(|open| open >= 3.0));
    }
}
