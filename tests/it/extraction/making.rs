//! PDFs that lead whoever reads them in circles.

use pdf_extract::{Document, Object, Stream, dictionary};

/// A page that shows a chain of forms, each of which shows the next one twice; the last one shows the one that is named.
pub(super) fn forms(number: usize, last_shows: Option<usize>) -> Vec<u8> {
    let mut document = Document::with_version("1.5");
    let ids: Vec<_> = (0..number).map(|_| document.new_object_id()).collect();
    for (place, id) in ids.iter().enumerate() {
        let next = if place + 1 < number { Some(place + 1) } else { last_shows };
        let mut form = dictionary! { "Type" => "XObject", "Subtype" => "Form" };
        let content: &[u8] = match next {
            Some(next) => {
                form.set("Resources", dictionary! { "XObject" => dictionary! { "F" => ids[next] } });
                b"/F Do /F Do"
            }
            None => b"",
        };
        document.objects.insert(*id, Stream::new(form, content.to_vec()).into());
    }
    let content = document.add_object(Stream::new(dictionary! {}, b"/F Do".to_vec()));
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Contents" => content, "MediaBox" => vec![Object::from(0), 0.into(), 595.into(), 842.into()],
        "Resources" => dictionary! { "XObject" => dictionary! { "F" => ids[0] } },
    });
    let pages =
        document.add_object(dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 });
    document.get_dictionary_mut(page).unwrap().set("Parent", pages);
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}
