use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use botberi::extraction::{ExtractionError, Extractor, Limits, Refusal};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::{child, endless, eventually, extractor, is_there, line, marked, pieces, wish};

#[tokio::test]
async fn a_child_that_waits_for_a_document_is_confined_already() {
    let limits = Limits { cpu_seconds_max: 7, ..marked(2) };
    let (extractor, wish) = (extractor(limits), wish());
    let look = async {
        let process = eventually(|| child(limits)).await;
        eventually(|| line(process, "status", "Seccomp: 2")).await;
        assert_eq!(line(process, "status", "NoNewPrivs:").unwrap(), "NoNewPrivs: 1");
        for limit in [
            "Max cpu time 7 8 seconds",
            "Max file size 0 0 bytes",
            "Max core file size 0 0 bytes",
            "Max open files 0 0 files",
            "Max processes 0 0 processes",
        ] {
            let name: String = limit.split(char::is_numeric).next().unwrap().to_owned();
            assert_eq!(line(process, "limits", name.trim()).as_deref(), Some(limit));
        }
        let memory = line(process, "limits", "Max address space").unwrap();
        let memory: u64 = memory.split(' ').nth(3).unwrap().parse().unwrap();
        let own = memory - limits.memory_bytes_max;
        assert!((1 << 20..2 << 30).contains(&own), "the program itself takes {own} bytes");
        assert_eq!(fs::read(format!("/proc/{process}/environ")).unwrap(), b"");
        assert_eq!(fs::read_link(format!("/proc/{process}/cwd")).unwrap().to_str(), Some("/"));
    };
    tokio::select! {
        ended = extractor.extract(&wish, endless()) => panic!("{ended:?}"),
        () = look => {}
    }
}

#[tokio::test]
async fn a_child_whose_parent_gives_up_is_gone() {
    let limits = marked(3);
    let (extractor, wish) = (extractor(limits), wish());
    let process = tokio::select! {
        ended = extractor.extract(&wish, endless()) => panic!("{ended:?}"),
        process = eventually(|| child(limits)) => process,
    };
    eventually(|| (!is_there(process)).then_some(())).await;
}

#[tokio::test]
async fn a_child_that_somebody_kills_refuses_its_document_for_now() {
    let limits = marked(4);
    let (extractor, wish) = (extractor(limits), wish());
    let kill = async {
        let process = eventually(|| child(limits)).await;
        assert!(
            Command::new("/bin/sh").args(["-c", &format!("kill -9 {process}")]).status().unwrap().success()
        );
        process
    };
    let (ended, process) = tokio::join!(extractor.extract(&wish, endless()), kill);
    let Err(ExtractionError::Refused(refusal)) = ended else { panic!("{ended:?}") };
    assert_eq!((refusal, refusal.is_temporary()), (Refusal::Killed, true));
    assert!(!is_there(process));
}

#[tokio::test]
async fn a_document_whose_bytes_do_not_come_ends_its_child() {
    let limits = marked(5);
    let (extractor, wish) = (extractor(limits), wish());
    let broken = pieces(b"The beginning.").chain(stream::iter([Err(io::Error::other("the disk"))]));
    let ended = extractor.extract(&wish, broken).await;
    assert!(
        matches!(&ended, Err(ExtractionError::Source(error)) if error.to_string() == "the disk"),
        "{ended:?}"
    );
    assert_eq!(child(limits), None);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_no_fault_of_the_document() {
    let extractor = Extractor { program: "/nowhere/botberi".into(), limits: Limits::default() };
    let ended = extractor.probe().await;
    assert!(
        matches!(&ended, Err(error @ ExtractionError::NotStarted(_)) if error.is_temporary()),
        "{ended:?}"
    );
}

/// Says what a program that is taken over might say.
async fn said(script: &str, limits: Limits) -> Result<(), ExtractionError<io::Error>> {
    let folder = std::env::temp_dir().join(format!("botberi-extraction-{}", uuid::Uuid::now_v7()));
    fs::create_dir(&folder).unwrap();
    let program = folder.join("child");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let endless = stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(&[b'x'; 4_096])));
    let ended = Extractor { program, limits }.extract(&wish(), endless).await;
    fs::remove_dir_all(folder).unwrap();
    ended.map(drop)
}

#[tokio::test]
async fn a_child_that_says_anything_else_than_an_answer_is_not_believed() {
    let limits = Limits { text_bytes_max: 100, chunks_max: 2, ..Limits::default() };
    let text = r#"{"extracted":{"format":"text","title":null,"text":"words","chunks":[CHUNKS]}}"#;
    let chunk = |start: u32, end: u32| {
        format!(r#"{{"headings":[],"start":{start},"end":{end},"page":null,"start_ms":null,"end_ms":null}}"#)
    };
    let with = |chunks: &[String]| format!("/bin/echo '{}'", text.replace("CHUNKS", &chunks.join(",")));
    for script in [
        "exit 0".to_owned(),
        "exit 3".to_owned(),
        "/bin/echo words".to_owned(),
        "while :; do /bin/echo '{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}{}'; done".to_owned(),
        "i=0; while [ $i -lt 3000 ]; do echo noise >&2; i=$((i+1)); done; kill -SEGV $$".to_owned(),
        with(&[chunk(0, 6)]),
        with(&[chunk(3, 2)]),
        with(&[chunk(2, 2)]),
        with(&[chunk(2, 3), chunk(1, 3)]),
        with(&[chunk(0, 1), chunk(1, 2), chunk(2, 3)]),
        with(&[chunk(0, 1)]).replace("words", &"w".repeat(101)),
        with(&[chunk(0, 1)]).replace("words", r"wo\u0000rds"),
        with(&[chunk(0, 1)]).replace(r#""headings":[]"#, r#""headings":["1","2","3","4","5","6","7"]"#),
    ] {
        let ended = tokio::time::timeout(Duration::from_secs(30), said(&script, limits)).await.unwrap();
        assert!(matches!(ended, Err(ExtractionError::Refused(Refusal::Crashed))), "{script}: {ended:?}");
    }
    said(&with(&[chunk(0, 2), chunk(1, 5)]), limits).await.unwrap();
}
