"""Files that are made to break whatever reads them: `KINDS`, for hostile.py. They are the same in each run."""

import functools
import gzip
import hashlib
import io
import itertools
import random
import re
import zipfile
import zlib

CHANCE = random.Random(20261201)


# Archives.

def zipped(parts, method=zipfile.ZIP_DEFLATED):
    """Parts are bytes, or pieces of what is too large to be held."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in parts:
            with archive.open(name, "w") as part:
                for piece in [content] if isinstance(content, bytes) else content:
                    part.write(piece)
    return packed.getvalue()


def docx(body=(b"<w:p><w:r><w:t>words</w:t></w:r></w:p>",), more=(), method=zipfile.ZIP_DEFLATED, main=None):
    main = main or itertools.chain([b'<w:document xmlns:w="w"><w:body>'], body, [b"</w:body></w:document>"])
    return zipped([("[Content_Types].xml", b"<Types/>"), ("word/document.xml", main), *more], method)


def spaces():
    """1.2 GB of them."""
    return itertools.repeat(b" " * (1 << 20), 1200)


@functools.cache
def bomb():
    return docx(itertools.chain([b"<w:p><w:r><w:t>"], spaces(), [b"</w:t></w:r></w:p>"]))


def docx_that_lies():
    """Says that its gigabyte is a kilobyte, where the archive lists it."""
    packed = bytearray(bomb())
    for listed in re.finditer(b"PK\x01\x02", bytes(packed)):
        packed[listed.start() + 24 : listed.start() + 28] = (1000).to_bytes(4, "little")
    return bytes(packed)


def docx_with_password():
    """Today's Office puts what it has encrypted into a container of the old one."""
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0") + "EncryptedPackage".encode("utf-16-le")
    return head.ljust(8192, b"\0") + CHANCE.randbytes(50_000)


# PDFs.

SHOWN = b"BT /F 12 Tf 72 700 Td (Some words of a page that is as good as any other) Tj ET\n"
FONT = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"


def stream(content, more=b""):
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (more, len(content), content)


def pdf(*objects, trailer=b"", entries=None):
    """Object 1 is the catalog. `entries` is how many objects it claims to have; `@` in the trailer is where the table of them stands."""
    written, table = bytearray(b"%PDF-1.7\n"), b"0000000000 65535 f \n"
    entries = entries or len(objects) + 1
    for number, content in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(written)
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    place = b"%d" % len(written)
    written += b"xref\n0 %d\n%strailer\n<</Root 1 0 R/Size %d%s>>\n" % (entries, table, entries, trailer.replace(b"@", place))
    return bytes(written) + b"startxref\n%s\n%%%%EOF\n" % place


def pdf_of(content, pages=1, resources=FONT, more=(), catalog=b"", **rest):
    """Pages that all show one stream, which is object 3; `more` are objects from 4 on."""
    first = 4 + len(more)
    kids = b" ".join(b"%d 0 R" % number for number in range(first, first + pages))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 3 0 R/Resources<<%s>>>>" % resources
    tree = b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, kids)
    return pdf(b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog, tree, content, *more, *[page] * pages, **rest)


def pdf_that_unpacks():
    packer = zlib.compressobj(9)
    return pdf_of(stream(b"".join(map(packer.compress, spaces())) + packer.flush(), b"/Filter/FlateDecode"))


def pdf_in_a_circle():
    tree = b"<</Type/Pages/Count 9/Parent 3 0 R/Kids[2 0 R 3 0 R 2 0 R 3 0 R]>>"
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", tree, tree)


def pdf_that_shows_itself():
    shape = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 4 0 R>>>>"
    return pdf_of(stream(b"/X Do"), resources=b"/XObject<</X 4 0 R>>", more=[stream(b"/X Do /X Do " + SHOWN, shape)])


def pdf_that_complains():
    """What it shows is no text, and `pdf-extract` says so at length, on each page."""
    return pdf_of(stream(b"BT [" + b"1 " * 1_000_000 + b"] Tj ET"), pages=500)


def rc4(key, content):
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, j = bytearray(), 0
    for count, byte in enumerate(content, 1):
        i = count % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def pdf_with_password():
    """By the oldest rules (revision 2, 40 bits), which any reader knows. The password is `secret`."""
    padding = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    padded, mark = (b"secret" + padding)[:32], b"0123456789abcdef"
    owner = rc4(hashlib.md5(padded).digest()[:5], padded)
    key = hashlib.md5(padded + owner + (-4).to_bytes(4, "little", signed=True) + mark).digest()[:5]
    how = b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (owner.hex().encode(), rc4(key, padding).hex().encode())
    content = rc4(hashlib.md5(key + b"\x03\0\0\0\0").digest()[:10], SHOWN)
    return pdf_of(stream(content), more=[how], trailer=b"/Encrypt 4 0 R/ID[<%s><%s>]" % ((mark.hex().encode(),) * 2))


# Texts.

def markdown_that_is_slow():
    """What is known to take parsers a time that grows with the square of the length, or worse."""
    runs = "".join("e" + "`" * length for length in range(1, 1_500))
    pieces = ["*a **b _c ", "[", "![[]()", "[a](<b", "<!--", "<?", "&", "~~a ", "|a", "[^1]", "\\", "[a]: /b\n", "a\n===\n", "> 1. - "]
    return "\n\n".join([runs, *(piece * (200_000 // len(piece)) for piece in pieces)]).encode()


def words():
    return " ".join("".join(CHANCE.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(750_000)).encode()


def sections():
    """A quarter of a megabyte; each of its 19,000 pieces stands under five headings of 120 characters."""
    outer = "".join(f"{'#' * level} {' '.join(f'{level}h{number:03}' for number in range(20))}\n\n" for level in range(1, 6))
    return (outer + "###### h\n\nx\n\n" * 19_000).encode()


def addresses(first, count):
    """Pieces of `a@1a@1…`: Postgres looks at what follows each letter for an address, a host, a number, again and again."""
    return "\n\n".join(f"lighthouse {number:04}\n\n{'a@1' * 440}" for number in range(first, first + count)).encode()


def absurd_times():
    most = "9999:9999:9999,999"
    cues = ["00:00:01,000 --> 00:00:02,000", f"{most} --> 0000:00:00,000", f"99:99:99,999 --> {most}", "-1:00:00,000 --> 0:0:1,0"]
    return "\n\n".join(f"{number}\n{cues[number % 4]}\nsaid {number}" for number in range(50_000)).encode()


def endless():
    """A gigabyte, made while it is sent."""
    return itertools.repeat(b"All work and no play makes Jack a dull boy.\n" * 1489, 16_400)


KINDS = {  # What it is: the file's name, and what gives its bytes.
    "PDF, cut off": ("cut.pdf", lambda: pdf_of(stream(SHOWN), pages=500)[:40_000]),
    "DOCX, cut off": ("cut.docx", lambda: docx([b"<w:p>", CHANCE.randbytes(100_000).hex().encode(), b"</w:p>"])[:60_000]),
    "DOCX that unpacks into 1.2 GB": ("bomb.docx", bomb),
    "the same, and says it is 1 kB": ("lies.docx", docx_that_lies),
    "DOCX with bombs beside its text": ("beside.docx", lambda: docx(more=[(f"word/embeddings/{it}.docx", bomb()) for it in range(5)])),
    "DOCX whose text is a bomb": ("inner.docx", lambda: docx(main=bomb())),
    "DOCX, a million elements deep": ("deep.docx", lambda: docx([b"<w:p>" * 1_000_000, b"</w:p>" * 1_000_000], method=zipfile.ZIP_STORED)),
    "DOCX with a password": ("secret.docx", docx_with_password),
    "HTML, a million <div> deep": ("deep.html", lambda: b"<!doctype html>" + b"<div>" * 1_000_000 + b"words"),
    "HTML, 25 MB of <": ("less.html", lambda: b"<" * 25_000_000),
    "Markdown, a million quotes deep": ("quotes.md", lambda: b"> " * 1_000_000 + b"words"),
    "Markdown, lists 3,000 deep": ("lists.md", lambda: b"\n".join(b"  " * depth + b"- item" for depth in range(3_000))),
    "Markdown that takes parsers long": ("slow.md", markdown_that_is_slow),
    "Markdown, 19,000 sections": ("sections.md", sections),
    "PDF, arrays a million deep": ("arrays.pdf", lambda: pdf_of(stream(SHOWN), catalog=b"/X " + b"[" * 1_000_000 + b"]" * 1_000_000)),
    "PDF, pages in a circle": ("circle.pdf", pdf_in_a_circle),
    "PDF, 4 billion objects": ("objects.pdf", lambda: pdf_of(stream(SHOWN), entries=4_294_967_295)),
    "PDF, its table leads to itself": ("table.pdf", lambda: pdf_of(stream(SHOWN), trailer=b"/Prev @")),
    "PDF that unpacks into 1.2 GB": ("bomb.pdf", pdf_that_unpacks),
    "PDF, a form that shows itself": ("itself.pdf", pdf_that_shows_itself),
    "PDF that makes its reader complain": ("complains.pdf", pdf_that_complains),
    "PDF, 10,000 pages of 40 kB": ("pages.pdf", lambda: pdf_of(stream(SHOWN * 500), pages=10_000)),
    "PDF with a password": ("secret.pdf", pdf_with_password),
    "PNG called .pdf": ("image.pdf", lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + CHANCE.randbytes(100_000)),
    "EXE called .txt": ("program.txt", lambda: b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" + CHANCE.randbytes(100_000)),
    "gzip called .txt": ("packed.txt", lambda: gzip.compress(b"words " * 1_000_000)),
    "an empty file": ("empty.txt", bytes),
    "random bytes": ("random.txt", lambda: CHANCE.randbytes(5_000_000)),
    "NULs at once": ("nul.txt", lambda: b"words\0and\0words " * 1_000),
    "NULs after 100 kB": ("late.txt", lambda: b"words and\n" * 10_000 + b"words\0and\0\n" * 10_000),
    "invalid UTF-8": ("broken.txt", lambda: "año \n".encode() * 1_000 + b"\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80 words\n" * 10_000),
    "one line of 20 MB": ("line.txt", lambda: b"word " * 4_000_000),
    "one word of 8 MB": ("word.txt", lambda: b"x" * 8_000_000),
    "750,000 different words": ("words.txt", words),
    "SRT with absurd times": ("absurd.srt", absurd_times),
    "what Postgres parses for long": ("parsed.txt", lambda: addresses(1000, 250)),
    # What is taken costs again when it is shown by a search: small ones, which are taken.
    **{f"the same, 20 kB, {part}": (f"short{part}.txt", functools.partial(addresses, 16 * part, 16)) for part in (1, 2, 3)},
    "a file of 1 GB": ("endless.txt", endless),
    "1 GB in the head of a part": (None, endless),
}
