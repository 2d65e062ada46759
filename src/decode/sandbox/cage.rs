//! What a decoder may not do: limits of the process, no new privileges, Landlock, seccomp.
//!
//! All of it is put on by the decoder itself before it reads a byte of the document, and inherited by
//! the programs it runs. Landlock and seccomp are put on where the kernel has them.

use std::{
    io,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::{SandboxLimits, frames::Job};
use crate::decode::office;

/// Puts all of it on this process; what the kernel does not have is left out.
pub fn enter(job: &Job) -> io::Result<()> {
    limit(&job.sandbox)?;
    rustix::thread::set_no_new_privs(true)?;
    let folder = job.programs.as_ref().map(|_| job.folder.as_path());
    let programs = job.programs.iter().flat_map(|programs| programs.folders());
    // Without Landlock or seccomp the limits still hold.
    let sockets = job.sockets.then_some(office::SOCKETS);
    let _ = landlock(folder, programs.collect(), sockets);
    let _ = seccomp(job.programs.is_some());
    Ok(())
}

/// Bounds of memory, CPU seconds, files.
fn limit(limits: &SandboxLimits) -> io::Result<()> {
    let bounds = [
        (Resource::As, limits.max_memory_bytes),
        (Resource::Cpu, limits.max_cpu_seconds),
        (Resource::Fsize, limits.max_file_bytes),
        (Resource::Nofile, limits.max_open_files),
        (Resource::Core, 0),
    ];
    for (resource, bound) in bounds {
        // The soft bound of CPU seconds comes a second earlier: its signal names the reason.
        let hard = if resource == Resource::Cpu { bound + 1 } else { bound };
        let limit = Rlimit {
            current: Some(bound),
            maximum: Some(hard),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}

/// Read and run programs and their libraries, write in the private folder, nothing else; no network.
/// Without a folder: no files at all.
fn landlock(folder: Option<&Path>, programs: Vec<PathBuf>, sockets: Option<&str>) -> Result<(), RulesetError> {
    const SYSTEM: [&str; 16] = [
        "/usr",
        "/lib",
        "/lib64",
        "/bin",
        "/etc/fonts",
        "/etc/ld.so.cache",
        "/etc/poppler",
        "/etc/libreoffice",
        "/var/spool/libreoffice",
        "/etc/passwd",
        "/etc/group",
        "/etc/nsswitch.conf",
        "/etc/locale.alias",
        "/var/cache/fontconfig",
        "/proc",
        "/dev",
    ];
    let abi = ABI::V6;
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    let Some(folder) = folder else {
        return rules.restrict_self().map(drop);
    };
    let tessdata = std::env::var_os("TESSDATA_PREFIX").map(PathBuf::from);
    rules
        .add_rules(path_beneath_rules(SYSTEM, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(programs, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(tessdata, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::from_all(abi)))?
        .add_rules(path_beneath_rules([folder], AccessFs::from_all(abi)))?
        .add_rules(path_beneath_rules(sockets, AccessFs::MakeSock | AccessFs::RemoveFile))?
        .restrict_self()
        .map(drop)
}

/// System calls that no decoder needs are refused: sockets but local ones, other processes' memory,
/// mounts, kernel interfaces; without programs also new processes.
fn seccomp(programs: bool) -> Result<(), Box<dyn std::error::Error>> {
    let mut denied: Vec<(i64, Vec<SeccompRule>)> = DENIED.iter().map(|&call| (call, vec![])).collect();
    denied.push((
        libc::SYS_socket,
        vec![argument(0, SeccompCmpOp::Ne, libc::AF_UNIX as u64)?],
    ));
    // Limits may be asked for, not set: root could raise them.
    denied.push((libc::SYS_prlimit64, vec![argument(2, SeccompCmpOp::Ne, 0)?]));
    // Signals go to the own process group only.
    denied.push((libc::SYS_kill, vec![argument(0, SeccompCmpOp::Ne, 0)?]));
    // Answered as by a kernel that has no such call: libraries fall back.
    let mut unknown = vec![(libc::SYS_io_uring_setup, vec![])];
    if !programs {
        denied.extend([(libc::SYS_execve, vec![]), (libc::SYS_execveat, vec![])]);
        #[cfg(target_arch = "x86_64")]
        denied.extend([(libc::SYS_fork, vec![]), (libc::SYS_vfork, vec![])]);
        let thread = libc::CLONE_THREAD as u64;
        denied.push((libc::SYS_clone, vec![argument(0, SeccompCmpOp::MaskedEq(thread), 0)?]));
        unknown.push((libc::SYS_clone3, vec![]));
        denied.push((libc::SYS_socket, vec![]));
    }
    install(unknown, libc::ENOSYS)?;
    install(denied, libc::EPERM)
}

const DENIED: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_open_by_handle_at,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_pidfd_send_signal,
    libc::SYS_setrlimit,
];

fn argument(index: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Qword, operator, value)?;
    SeccompRule::new(vec![condition])
}

fn install(calls: Vec<(i64, Vec<SeccompRule>)>, error: i32) -> Result<(), Box<dyn std::error::Error>> {
    let filter = SeccompFilter::new(
        calls.into_iter().collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(error as u32),
        std::env::consts::ARCH.try_into()?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}

/// Whether this kernel lets a thread give up files and network (Landlock). Tried out, since neither the
/// version of the kernel nor its configuration tells what a container may use.
pub fn has_landlock() -> bool {
    let attempt = || -> Result<bool, RulesetError> {
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V1))?
            .create()?
            .restrict_self()?;
        Ok(rules.ruleset == landlock::RulesetStatus::FullyEnforced)
    };
    // It holds for the thread, which ends here.
    std::thread::spawn(move || attempt().unwrap_or(false))
        .join()
        .unwrap_or(false)
}

/// Whether this kernel filters system calls (seccomp), tried out likewise.
pub fn has_seccomp() -> bool {
    std::thread::spawn(|| rustix::thread::set_no_new_privs(true).is_ok() && seccomp(false).is_ok())
        .join()
        .unwrap_or(false)
}
