#!/usr/bin/env python3
"""Makes the documents that the knowledge bases are measured with, in target/knowledge-corpus/.

    benches/knowledge/corpus.py [--out target/knowledge-corpus] [--project <commit> | --project .]

On Debian 12, as root: what is missing of the tools is installed with apt-get; the packages with the documents are unpacked beside
the corpus and not installed. What is there already is not made again. Each file lies in <format>/<name>.<language>.<suffix>.

The project's own documents are taken from one commit, so that answers written down once keep standing there; `--project .` takes
them as they are now.
"""

import argparse
import collections
import gzip
import html
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROJECT_COMMIT = "67bb28d"

TOOLS = {  # program: package
    "pandoc": "pandoc",
    "weasyprint": "weasyprint",
    "soffice": "libreoffice-writer-nogui",
    "pdfinfo": "poppler-utils",
}
FONTS = "fonts-dejavu-core"
PACKAGES = [
    "debian-faq", "debian-handbook", "debian-reference-en", "debian-reference-es", "developers-reference",
    "installation-guide-amd64", "maint-guide", "maint-guide-es",
]

# PDFs as their makers made them: by LaTeX (DBLaTeX, Sphinx).
READY_PDFS = {
    "debian-reference.en": "debian-reference-en/usr/share/debian-reference/debian-reference.en.pdf",
    "debian-reference.es": "debian-reference-es/usr/share/debian-reference/debian-reference.es.pdf",
    "maint-guide.en": "maint-guide/usr/share/doc/maint-guide/maint-guide.en.pdf",
    "maint-guide.es": "maint-guide-es/usr/share/doc/maint-guide-es/maint-guide.es.pdf",
    "developers-reference.en": "developers-reference/usr/share/developers-reference/developers-reference.pdf",
}

# Chapters of the Debian Administrator's Handbook, each in one format, in both languages.
CHAPTERS = {
    "the-debian-project": "docx-pandoc",
    "apt": "docx-pandoc",
    "workstation": "docx-pandoc",
    "existing-setup": "docx-libreoffice",
    "basic-configuration": "docx-libreoffice",
    "solving-problems": "pdf-weasyprint",
    "unix-services": "pdf-weasyprint",
    "network-infrastructure": "pdf-libreoffice",
    "security": "pdf-libreoffice",
    "network-services": "md",
    "debian-packaging": "md",
    "packaging-system": "txt",
    "advanced-administration": "txt",
}
LANGUAGES = {"en": "en-US", "es": "es-ES"}
STYLE = """@page { size: A4; margin: 2.2cm; @bottom-center { content: counter(page) } @top-right { content: string(chapter) } }
body { font-family: 'DejaVu Serif'; font-size: 9.5pt; text-align: justify; hyphens: auto } h1 { string-set: chapter content() }
pre { white-space: pre-wrap; font-size: 8pt }"""


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


def install():
    missing = [package for program, package in TOOLS.items() if not shutil.which(program)]
    if not pathlib.Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf").exists():
        missing.append(FONTS)
    if missing:
        print("installing", *missing, flush=True)
        run("apt-get", "update", "-q", stdout=subprocess.DEVNULL)
        run("apt-get", "install", "-qy", "--no-install-recommends", *missing, stdout=subprocess.DEVNULL)


def unpack(cache):
    """The packages, each in a folder of its own name."""
    cache.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if (cache / package).is_dir():
            continue
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            try:
                run("apt-get", "download", "-q", package, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            except subprocess.CalledProcessError:
                run("apt-get", "update", "-q", stdout=subprocess.DEVNULL)
                run("apt-get", "download", "-q", package, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            [archive] = pathlib.Path(folder).glob("*.deb")
            run("dpkg-deb", "-x", archive, pathlib.Path(folder) / "x")
            (pathlib.Path(folder) / "x").rename(cache / package)


def fresh(path):
    """Whether it is to be made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return not path.exists()


def chapters(book):
    """Which pages a chapter consists of, in the order of the book."""
    pages, chapter = {}, None
    for name in dict.fromkeys(re.findall(r'href="([a-z0-9.-]+\.html)"', (book / "index.html").read_text())):
        if name.startswith("sect."):
            pages.setdefault(chapter, []).append(name)
        else:
            chapter = name.removesuffix(".html")
            pages.setdefault(chapter, []).append(name)
    return pages


def body(page):
    """What stands on a page of the handbook, without what leads to other pages."""
    text = page.read_text()
    text = text[text.index("<body") :]
    text = re.sub(r'<div id="banner">.*?</div>|<p id="title">.*?</p>|<ul class="docnav.*?</ul>', "", text, flags=re.S)
    text = re.sub(r'<div class="toc">.*?</dl></div>|<dl class="toc">.*?</dl>', "", text, flags=re.S)
    text = re.sub(r'<a id="[^"]*" class="indexterm"></a>|<a xmlns="" id="[^"]*"></a>|<img [^>]*>', "", text)
    return re.sub(r"^<body[^>]*>|</body>.*", "", text, flags=re.S)


def whole(book, pages, lang):
    text = "\n".join(body(book / page) for page in pages)
    # Publican numbers each page from <h1> or <h2>; a paragraph is a <div>.
    text = re.sub(r'<div class="para">(.*?)</div>', r"<p>\1</p>", text, flags=re.S)
    title = re.search(r"<h1[^>]*>(.*?)</h1>", text, flags=re.S)
    title = html.unescape(re.sub(r"<[^>]+>", "", title[1])).strip() if title else ""
    return (
        f'<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{html.escape(title)}</title></head>'
        f"<body>{text}</body></html>"
    ), title


def soffice(kind, source, folder):
    run("soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to", kind, "--outdir", folder, source,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def handbook(cache, out):
    for lang, edition in LANGUAGES.items():
        book = cache / "debian-handbook/usr/share/doc/debian-handbook/html" / edition
        contents = chapters(book)
        for chapter, way in CHAPTERS.items():
            suffix, _, tool = way.partition("-")
            target = out / suffix / f"handbook-{chapter}.{lang}.{suffix}"
            if not fresh(target):
                continue
            page, title = whole(book, contents[chapter], lang)
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                source = folder / "page.html"
                source.write_text(page)
                docx = folder / "page.docx"
                pandoc = ("pandoc", "-f", "html", source, "-V", f"lang={lang}")
                if way == "md":
                    run(*pandoc, "-t", "gfm-raw_html", "--wrap=none", "-o", target)
                elif way == "txt":
                    run(*pandoc, "-t", "plain", "--columns=78", "-o", target)
                    if lang == "es" and chapter == "packaging-system":  # As an older Windows would have saved it.
                        target.write_bytes(target.read_text().encode("cp1252", errors="replace").replace(b"\n", b"\r\n"))
                elif way == "pdf-weasyprint":
                    source.write_text(page.replace("</head>", f"<style>{STYLE}</style></head>"))
                    run("weasyprint", "-q", source, target, stderr=subprocess.DEVNULL)
                else:
                    run(*pandoc, "--metadata", f"title={title}", "-t", "docx", "-o", docx)
                    if tool == "libreoffice" and suffix == "docx":
                        soffice("odt", docx, folder)
                        docx.unlink()
                        soffice("docx", folder / "page.odt", folder)
                    if suffix == "pdf":
                        soffice("pdf", docx, folder)
                    shutil.move(folder / f"page.{suffix}", target)


def guides(cache, out):
    for name, place in READY_PDFS.items():
        target = out / "pdf" / f"{name}.pdf"
        if fresh(target):
            shutil.copy(cache / place, target)
    for lang in LANGUAGES:
        guide = cache / "installation-guide-amd64/usr/share/doc/installation-guide-amd64" / lang
        for page in sorted([*guide.glob("ch*.html"), *guide.glob("ap*.html")]):
            target = out / "html" / f"installation-guide-{page.stem}.{lang}.html"
            if fresh(target):
                shutil.copy(page, target)
    target = out / "txt" / "debian-faq.en.txt"
    if fresh(target):
        target.write_bytes(gzip.decompress((cache / "debian-faq/usr/share/doc/debian/FAQ/debian-faq.en.txt.gz").read_bytes()))


def project(out, commit):
    if commit != ".":
        known = subprocess.run(["git", "-C", ROOT, "cat-file", "-e", f"{commit}^{{commit}}"], stderr=subprocess.DEVNULL)
        if known.returncode:
            print(f"commit {commit} is not here: the project's documents are taken as they are now", file=sys.stderr)
            commit = "."
    patterns = ("docs/**/*.md", "README.md", "CONTRIBUTING.md", "SECURITY.md")
    if commit == ".":
        texts = {str(path.relative_to(ROOT)): path.read_bytes() for pattern in patterns for path in ROOT.glob(pattern)}
    else:
        listed = run("git", "-C", ROOT, "ls-tree", "-r", "--name-only", commit, capture_output=True, text=True).stdout.split()
        names = [name for name in listed if name.endswith(".md") and (name.startswith("docs/") or name in patterns)]
        texts = {name: run("git", "-C", ROOT, "show", f"{commit}:{name}", capture_output=True).stdout for name in names}
    for name, text in texts.items():
        target = out / "md" / f"botberi-{name.removesuffix('.md').replace('/', '-')}.en.md"
        if fresh(target):
            target.write_bytes(text)


def clock(ms, comma):
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}{comma}{ms % 1000:03}"


def cues(text):
    """Spoken text, cut where a subtitler would: at most two lines of 42 characters, at the end of a sentence if there is one."""
    at = 1200
    for paragraph in text.split("\n\n"):
        words, line = paragraph.split(), []
        while words or line:
            while words and len(" ".join([*line, words[0]])) <= 84:
                line.append(words.pop(0))
                if len(" ".join(line)) > 34 and line[-1][-1] in ".?!:;":
                    break
            spoken, line = " ".join(line), []
            if len(spoken) > 42:
                middle = min((index for index, it in enumerate(spoken) if it == " "), key=lambda index: abs(index - len(spoken) / 2))
                spoken = spoken[:middle] + "\n" + spoken[middle + 1 :]
            length = max(1300, 62 * len(spoken))
            yield at, at + length, spoken
            at += length + 140
        at += 1900


def subtitles(out):
    for lang, suffix in (("en", "srt"), ("es", "vtt")):
        target = out / suffix / f"lecture.{lang}.{suffix}"
        if not fresh(target):
            continue
        spoken = list(cues((HERE / f"lecture.{lang}.txt").read_text()))
        if suffix == "srt":  # As an editor on Windows saves it: a byte order mark, CRLF, some italics.
            text = "".join(
                f"{number}\n{clock(start, ',')} --> {clock(end, ',')}\n{f'<i>{line}</i>' if number % 29 == 0 else line}\n\n"
                for number, (start, end, line) in enumerate(spoken, 1)
            )
            target.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
        else:  # As the web has it: notes, settings, a voice.
            text = "WEBVTT - Clase abierta\nKind: captions\nLanguage: es\n\nNOTE Revisado en mayo.\n\nSTYLE\n::cue { color: white }\n\n"
            for number, (start, end, line) in enumerate(spoken, 1):
                setting = " align:start position:10%" if number % 17 == 0 else ""
                voice = "<v Profesora>" if number % 11 == 1 else ""
                text += f"{clock(start, '.')} --> {clock(end, '.')}{setting}\n{voice}{line}\n\n"
            target.write_text(text)


def pages(path):
    told = run("pdfinfo", path, capture_output=True, text=True).stdout
    return int(re.search(r"^Pages:\s+(\d+)", told, flags=re.M)[1])


def tell(out):
    made = collections.defaultdict(lambda: [0, 0, 0])
    for path in sorted(out.glob("*/*")):
        lang = path.name.rsplit(".", 2)[1]
        for key in ((path.parent.name, lang), ("all", "")):
            row = made[key]
            row[0] += 1
            row[1] += path.stat().st_size
            row[2] += pages(path) if path.suffix == ".pdf" else 0
    print(f"{'format':8}{'language':>9}{'files':>7}{'bytes':>11}{'pages':>7}")
    for (kind, lang), (files, size, count) in sorted(made.items(), key=lambda row: (row[0][0] == "all", row[0])):
        print(f"{kind:8}{lang:>9}{files:7}{size:11,}{count or '':>7}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "target/knowledge-corpus")
    parser.add_argument("--project", default=PROJECT_COMMIT, metavar="COMMIT", help="where the project's documents are taken from")
    options = parser.parse_args()
    out = options.out.resolve()
    cache = out.with_name(out.name + "-packages")
    install()
    unpack(cache)
    guides(cache, out)
    project(out, options.project)
    subtitles(out)
    handbook(cache, out)
    tell(out)


if __name__ == "__main__":
    main()
