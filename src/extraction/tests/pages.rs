use super::{Format, Refusal, read, read_as};

#[test]
fn a_page_is_its_title_headings_paragraphs_lists_and_tables() {
    let page = "<!DOCTYPE html><html><head><title>Tienda &amp; taller</title><style>p{color:red}</style>\
        <script>var x = '<p>no</p>';</script></head><body><nav><ul><li>Inicio</li></ul></nav><main>\
        <h1>Qu&eacute; hacemos</h1><p>Reparamos\n   <b>bici</b>cletas.<br>Siempre.</p><!-- nunca -->\
        <ol><li>\n <p>Traer</p>\n<li>Esperar<ul><li>Con <i>calma</i></ul></ol>\
        <table><tr><th>D&iacute;a<th>Hora</tr><tr><td><p>Lunes</p><td>9&nbsp;h</tr></table>\
        <pre>a\n  b</pre><div hidden>secret <div>too</div></div><template>no</template>Fin</main></body></html>";
    let extracted = read(page.as_bytes()).unwrap();
    assert_eq!(extracted.format, Format::Html);
    assert_eq!(extracted.title.as_deref(), Some("Tienda & taller"));
    let expected = "Qué hacemos\n\nReparamos bicicletas.\nSiempre.\n\n1. Traer\n2. Esperar\n- Con calma\n\nDía | Hora\nLunes | 9 h\n\n\
                    a\n  b\n\nFin";
    assert_eq!(extracted.text, expected);
    assert_eq!(extracted.chunks[0].headings, ["Qué hacemos"]);
}

#[test]
fn the_encoding_that_a_page_names_is_the_one_it_is_read_in() {
    let page = "<html><head><meta http-equiv=content-type content='text/html; charset=ISO-8859-1'></head><p>año señor";
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(page);
    assert_eq!(read(&bytes).unwrap().text, "año señor");
    let page = "<html><meta charset=\"utf-8\"><p>año señor";
    assert_eq!(read(page.as_bytes()).unwrap().text, "año señor");
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode("<html><p>El año pasado, señor, fue más fácil");
    assert_eq!(read(&bytes).unwrap().text, "El año pasado, señor, fue más fácil");
}

#[test]
fn tags_that_are_open_wrong_or_crossed_lose_no_text() {
    let page = "<html><nav>Menu<main><h2>One</h1><p>Two<div>Three<td>Four</p></table><li>Five</ul><b>Six";
    assert_eq!(read(page.as_bytes()).unwrap().text, "One\n\nTwo\n\nThreeFour\n\n- Five\n\nSix");
    assert_eq!(read_as(b"plain <b words", Format::Html).unwrap().text, "plain");
}

#[test]
fn a_page_without_text_is_empty() {
    assert_eq!(read(b"<!doctype html><script>x</script><p> &nbsp; </p>"), Err(Refusal::Empty));
}
