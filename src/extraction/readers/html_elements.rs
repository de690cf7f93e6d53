//! What the elements of a page mean for its text.

/// What an element does to the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It stands within a line.
    Inline,
    /// It begins and ends a block.
    Block,
    Heading(u8),
    List,
    NumberedList,
    Item,
    Row,
    Cell,
    Table,
    Preformatted,
    LineBreak,
    Title,
    /// Nothing of it is read: programs, looks, ways to other pages, and what is not shown.
    Skipped,
}

pub(super) fn role(name: &[u8]) -> Role {
    match name {
        b"h1" => Role::Heading(1),
        b"h2" => Role::Heading(2),
        b"h3" => Role::Heading(3),
        b"h4" => Role::Heading(4),
        b"h5" => Role::Heading(5),
        b"h6" => Role::Heading(6),
        b"ul" | b"menu" | b"dir" => Role::List,
        b"ol" => Role::NumberedList,
        b"li" => Role::Item,
        b"tr" => Role::Row,
        b"td" | b"th" => Role::Cell,
        b"table" => Role::Table,
        b"pre" | b"listing" | b"plaintext" | b"xmp" => Role::Preformatted,
        b"br" => Role::LineBreak,
        b"title" => Role::Title,
        b"script" | b"style" | b"template" | b"nav" | b"noscript" | b"svg" | b"iframe" | b"object"
        | b"select" | b"datalist" | b"canvas" | b"noembed" | b"noframes" => Role::Skipped,
        b"address" | b"article" | b"aside" | b"blockquote" | b"body" | b"caption" | b"center" | b"dd"
        | b"details" | b"dialog" | b"div" | b"dl" | b"dt" | b"fieldset" | b"figcaption" | b"figure"
        | b"footer" | b"form" | b"head" | b"header" | b"hgroup" | b"hr" | b"html" | b"legend" | b"main"
        | b"p" | b"search" | b"section" | b"summary" | b"tbody" | b"tfoot" | b"thead" => Role::Block,
        _ => Role::Inline,
    }
}

/// Elements that have no end, and so cannot be skipped until there.
pub(super) fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"area"
            | b"base"
            | b"br"
            | b"col"
            | b"embed"
            | b"hr"
            | b"img"
            | b"input"
            | b"link"
            | b"meta"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
    )
}
