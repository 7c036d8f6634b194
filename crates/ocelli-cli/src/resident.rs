//! Peak resident memory of this process, where the system tells (Linux).

use std::fs;

/// Starts a new measurement: the peak counts from here. Whether the system can.
pub fn reset_peak() -> bool {
    // proc(5): 5 resets the peak resident set size ("high water mark").
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// Peak resident bytes since the last reset; `None` where the system does not tell.
pub fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_peak_remembers_a_block_that_is_gone() {
        const BLOCK: usize = 64 << 20;
        assert!(reset_peak());
        let before = peak_bytes().unwrap();
        drop(std::hint::black_box(vec![1u8; BLOCK]));
        assert!(peak_bytes().unwrap() >= before + BLOCK as u64 / 2);
    }
}
