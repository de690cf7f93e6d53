use super::{Extracted, Format, read_as};

fn markdown(text: &str) -> Extracted {
    read_as(text.as_bytes(), Format::Markdown).unwrap()
}

#[test]
fn a_document_in_spanish_keeps_its_headings_lists_tables_and_code() {
    let text = "---\ntitle: \"Guía rápida\"\nsecreto: 42\n---\n\n# Instalación\n\nAbra la **caja** y [lea](https://x.es/a) \
                esto\nprimero.\n\n1. Uno\n2. Dos\n   - Dentro\n\n| Pieza | Precio |\n|---|---|\n| Año `x` | 3 € |\n\n## Código\n\n\
                ```rust\nfn main() {\n    hola();\n}\n```\n\n> Una cita.\n";
    let extracted = markdown(text);
    assert_eq!(extracted.title.as_deref(), Some("Guía rápida"));
    let expected = "Instalación\n\nAbra la caja y lea esto primero.\n\n1. Uno\n2. Dos\n- Dentro\n\nPieza | Precio\nAño x | 3 €\n\n\
                    Código\n\nfn main() {\n    hola();\n}\n\nUna cita.";
    assert_eq!(extracted.text, expected);
    let headings: Vec<&[String]> = extracted.chunks.iter().map(|chunk| chunk.headings.as_slice()).collect();
    assert_eq!(headings, [&["Instalación".to_owned()][..], &["Instalación".to_owned(), "Código".to_owned()]]);
}

#[test]
fn the_first_heading_is_the_title_of_a_document_that_names_none() {
    let extracted = markdown("Some words before.\n\nThe *real* title\n===\n\nText with a hard  \nbreak.");
    assert_eq!(extracted.title.as_deref(), Some("The real title"));
    assert_eq!(extracted.text, "Some words before.\n\nThe real title\n\nText with a hard\nbreak.");
}

#[test]
fn html_within_markdown_is_its_text() {
    let extracted =
        markdown("<div align=\"center\"><h2>Logo</h2>\n<script>alert(1)</script></div>\n\nThe <b>end</b>.\n");
    assert_eq!(extracted.text, "Logo\n\nThe end.");
}

#[test]
fn items_of_several_paragraphs_and_task_lists_are_items() {
    let extracted =
        markdown("- One\n\n  goes on\n\n- [x] Done\n- [ ] Open\n\n[^1]: A note.\n\nWith a note[^1].\n");
    assert_eq!(extracted.text, "- One\ngoes on\n- Done\n- Open\n\nA note.\n\nWith a note.");
}
