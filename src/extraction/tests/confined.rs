//! What a confined process can still do: tried in a process of its own, this test's program once more.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::{io, thread};

use crate::extraction::confinement::{ChildLimits, confine};
use crate::extraction::{Extractor, Limits};

/// Runs one of the tests below that are not run by themselves, and hands back what it wrote.
fn run(name: &str, input: &[u8]) -> (bool, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("extraction::tests::confined::{name}"),
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&words).into_owned())
}

const LIMITS: ChildLimits = ChildLimits { memory_bytes_max: 64 << 20, cpu_seconds_max: 5 };

#[test]
fn a_confined_process_reads_and_answers_and_can_do_nothing_else() {
    let (is_success, words) = run("inside_everything_is_tried", b"the document");
    assert!(is_success, "{words}");
    assert!(words.contains("everything was refused, and read: the document"), "{words}");
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn inside_everything_is_tried() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut inherited = File::open("/proc/self/status").unwrap();
    let answers = io::stdout().as_fd().try_clone_to_owned().unwrap();
    let parent = rustix::process::getppid().unwrap();
    confine(LIMITS, answers.as_fd()).unwrap();

    let refused = |what: &str, error: Option<io::Error>| {
        let error = error.unwrap_or_else(|| panic!("{what} was possible"));
        // EPERM by the list; EMFILE or EAGAIN where a limit was met before.
        assert!(
            matches!(error.raw_os_error(), Some(libc::EPERM | libc::EMFILE | libc::EAGAIN)),
            "{what}: {error}"
        );
    };
    refused("a connection", TcpStream::connect(address).err());
    refused("a connection that is taken", listener.accept().err());
    refused("a socket", UdpSocket::bind(("127.0.0.1", 0)).err());
    refused("a pair of sockets", UnixStream::pair().err());
    refused("a file", File::open("/etc/passwd").err());
    refused("a file that is written", File::create("/tmp/botberi-confined").err());
    refused("what was inherited", inherited.read(&mut [0; 8]).err());
    refused("a folder", std::fs::read_dir("/").err());
    refused("a file's end", std::fs::remove_file("/tmp/botberi-confined").err());
    refused("a program", Command::new("/bin/true").spawn().err());
    refused("a thread", thread::Builder::new().spawn(|| ()).err());
    refused(
        "more memory",
        rustix::process::setrlimit(
            rustix::process::Resource::Nofile,
            rustix::process::Rlimit { current: Some(0), maximum: Some(0) },
        )
        .map_err(io::Error::from)
        .err(),
    );
    refused(
        "the end of another",
        rustix::process::kill_process(parent, rustix::process::Signal::TERM).map_err(io::Error::from).err(),
    );

    let mut read = String::new();
    io::stdin().read_to_string(&mut read).unwrap();
    writeln!(io::stdout(), "everything was refused, and read: {read}").unwrap();
}

#[test]
fn the_program_of_the_children_is_the_one_that_runs() {
    let program = Extractor::of_this_program(Limits::default()).unwrap().program;
    let output = Command::new(program).arg("--list").env_clear().current_dir("/").output().unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    assert!(names.contains("the_program_of_the_children_is_the_one_that_runs"), "{names:.300}");
}

#[test]
fn a_confined_process_has_no_more_memory_than_it_may() {
    let (is_success, words) = run("inside_more_memory_is_taken", b"");
    assert!(!is_success && words.contains("memory allocation of"), "{words}");
}

#[test]
#[ignore = "the test above runs it in a process of its own"]
fn inside_more_memory_is_taken() {
    let answers = io::stdout().as_fd().try_clone_to_owned().unwrap();
    confine(LIMITS, answers.as_fd()).unwrap();
    let small: Vec<u8> = vec![1; 32 << 20];
    let large: Vec<u8> = vec![1; 64 << 20];
    panic!("{} bytes were had", small.len() + large.len());
}
