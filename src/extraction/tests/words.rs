use super::making::docx;
use super::{Format, Refusal, read};

fn paragraph(properties: &str, text: &str) -> String {
    format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>")
}

#[test]
fn a_document_of_word_is_its_paragraphs_headings_lists_and_tables() {
    let styles = br#"<w:styles xmlns:w="w"><w:style w:styleId="Ttulo1"><w:name w:val="heading 1"/></w:style>
        <w:style w:styleId="Propio"><w:basedOn w:val="Ttulo1"/><w:name w:val="Capitulo"/></w:style>
        <w:style w:styleId="Nivel"><w:name w:val="Otro"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style></w:styles>"#;
    let core = r#"<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:creator>Ana</dc:creator><dc:title>Informe &#225;nual</dc:title></cp:coreProperties>"#;
    let body = [
        paragraph(r#"<w:pStyle w:val="Propio"/>"#, "Introducción"),
        "<w:p><w:r><w:t>R&amp;D se hace en </w:t></w:r><w:r><w:t>España.</w:t><w:tab/><w:t>Aquí</w:t><w:br/><w:t>abajo</w:t></w:r></w:p>".to_owned(),
        "<w:p><w:r><w:t>Queda</w:t></w:r><w:del><w:r><w:delText>fuera</w:delText></w:r></w:del><w:ins><w:r><w:t> esto</w:t></w:r></w:ins></w:p>".to_owned(),
        paragraph(r#"<w:pStyle w:val="Nivel"/><w:tabs><w:tab w:val="left"/></w:tabs>"#, "Datos"),
        paragraph(r#"<w:numPr><w:ilvl w:val="0"/></w:numPr>"#, "primero"),
        paragraph("<w:numPr/>", "segundo"),
        format!("<w:tbl><w:tr><w:tc>{0}{0}</w:tc><w:tc><w:tbl><w:tr><w:tc>{0}</w:tc></w:tr></w:tbl></w:tc></w:tr><w:tr><w:tc>{1}</w:tc></w:tr></w:tbl>",
            paragraph("", "celda"), paragraph("", "última")),
        paragraph(r#"<w:outlineLvl w:val="0"/>"#, "Fin"),
    ].concat();
    let bytes = docx(&body, &[("word/styles.xml", styles), ("docProps/core.xml", core.as_bytes())]);
    let extracted = read(&bytes).unwrap();
    assert_eq!(extracted.format, Format::Docx);
    assert_eq!(extracted.title.as_deref(), Some("Informe ánual"));
    let expected = "Introducción\n\nR&D se hace en España. Aquí\nabajo\n\nQueda esto\n\nDatos\n\n- primero\n- segundo\n\n\
                    celda celda | celda\núltima\n\nFin";
    assert_eq!(extracted.text, expected);
    let headings: Vec<String> = extracted.chunks.iter().map(|chunk| chunk.headings.join(" > ")).collect();
    assert_eq!(headings, ["Introducción", "Introducción > Datos", "Fin"]);
}

#[test]
fn headings_are_known_by_their_ids_where_styles_are_missing_and_boxes_are_read_once() {
    let body = [
        paragraph(r#"<w:pStyle w:val="Heading2"/>"#, "Costs"),
        "<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></mc:Choice>\
         <mc:Fallback><w:p><w:r><w:t>In a box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent><w:t>Beside it</w:t></w:r></w:p>".to_owned(),
    ].concat();
    let notes = br#"<w:footnotes xmlns:w="w"><w:footnote><w:p><w:r><w:t>A footnote.</w:t></w:r></w:p></w:footnote></w:footnotes>"#;
    let extracted = read(&docx(&body, &[("word/footnotes.xml", notes)])).unwrap();
    assert_eq!(extracted.text, "Costs\n\nIn a box\n\nBeside it\n\nA footnote.");
    assert_eq!(extracted.chunks[0].headings, ["Costs"]);
}

#[test]
fn a_document_of_word_without_text_is_empty() {
    assert_eq!(read(&docx("<w:p/><w:p><w:r><w:t> </w:t></w:r></w:p>", &[])), Err(Refusal::Empty));
}
