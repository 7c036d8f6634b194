//! From text to tree, by descent.

use super::{Field, Operand, Operator, Tree};

/// Parentheses and `not` inside each other; more is nobody's wish.
const MAX_DEPTH: usize = 64;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A field, a bare value, a number, `and`, `or`, `not`.
    Word(String),
    Quoted(String),
    /// A parenthesis.
    Paren(char),
    Operator(String),
}

pub(super) fn parse(text: &str) -> Result<Tree, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let tree = parser.expression()?;
    match parser.peek() {
        None => Ok(tree),
        Some(Token::Paren(_)) => Err("a ) that nothing opens".into()),
        Some(token) => Err(format!("expected an operator, `and`, `or` or the end, found {token}")),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&next) = chars.peek() {
        if next.is_whitespace() {
            chars.next();
        } else if next == '(' || next == ')' {
            chars.next();
            tokens.push(Token::Paren(next));
        } else if next == '\'' || next == '"' {
            chars.next();
            let quoted: String = std::iter::from_fn(|| chars.next_if(|c| *c != next)).collect();
            if chars.next().is_none() {
                return Err(format!("no closing {next}"));
            }
            tokens.push(Token::Quoted(quoted));
        } else {
            let is_operator = |c: char| "=!<>~".contains(c);
            let same = |c: &char| !c.is_whitespace() && !"()'\"".contains(*c) && is_operator(*c) == is_operator(next);
            let run: String = std::iter::from_fn(|| chars.next_if(same)).collect();
            tokens.push(if is_operator(next) { Token::Operator(run) } else { Token::Word(run) });
        }
    }
    Ok(tokens)
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(text) | Self::Quoted(text) | Self::Operator(text) => write!(f, "{text:?}"),
            Self::Paren(c) => write!(f, "{c}"),
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Takes the next token if it is this word, in any case.
    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn expression(&mut self) -> Result<Tree, String> {
        let mut terms = vec![self.term()?];
        while self.word("or") {
            terms.push(self.term()?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Tree::Any(terms) })
    }

    fn term(&mut self) -> Result<Tree, String> {
        let mut factors = vec![self.factor()?];
        while self.word("and") {
            factors.push(self.factor()?);
        }
        Ok(if factors.len() == 1 { factors.remove(0) } else { Tree::All(factors) })
    }

    fn factor(&mut self) -> Result<Tree, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("nested too deeply".into());
        }
        let factor = self.deeper();
        self.depth -= 1;
        factor
    }

    fn deeper(&mut self) -> Result<Tree, String> {
        if self.word("not") {
            return Ok(Tree::Not(Box::new(self.factor()?)));
        }
        match self.next() {
            Some(Token::Paren('(')) => {
                let inside = self.expression()?;
                match self.next() {
                    Some(Token::Paren(')')) => Ok(inside),
                    Some(token) => Err(format!("expected ) or an operator, found {token}")),
                    None => Err("expected ) at the end".into()),
                }
            }
            Some(Token::Word(name)) => {
                let field = field(&name)?;
                let comparison = self.comparison(field.is_number())?;
                Ok(Tree::Is(field, comparison))
            }
            Some(token) => Err(format!("expected a field such as faces, found {token}")),
            None => Err("expected a field such as faces at the end".into()),
        }
    }

    fn comparison(&mut self, with_number: bool) -> Result<Option<(Operator, Operand)>, String> {
        let Some(Token::Operator(text)) = self.peek() else { return Ok(None) };
        let operator = match text.as_str() {
            "=" | "==" => Operator::Equal,
            "!=" => Operator::Unequal,
            "<" => Operator::Less,
            "<=" => Operator::AtMost,
            ">" => Operator::More,
            ">=" => Operator::AtLeast,
            "~" => Operator::Contains,
            other => return Err(format!("unknown operator {other:?}; known are = != < <= > >= ~")),
        };
        self.at += 1;
        match self.next() {
            Some(Token::Quoted(text) | Token::Word(text)) if !with_number || operator == Operator::Contains => {
                Ok(Some((operator, Operand::Text(text))))
            }
            Some(Token::Quoted(text) | Token::Word(text)) => {
                let number = text.parse().map_err(|_| format!("expected a number, found {text:?}"))?;
                Ok(Some((operator, Operand::Number(number))))
            }
            Some(token) => Err(format!("expected a value, found {token}")),
            None => Err("expected a value at the end".into()),
        }
    }
}

fn field(name: &str) -> Result<Field, String> {
    Ok(match name {
        "path" => Field::Path,
        "format" => Field::Format,
        "width" => Field::Width,
        "height" => Field::Height,
        "bytes" => Field::Bytes,
        "error" => Field::Error,
        "gone" => Field::Gone,
        _ if name.starts_with(|c: char| !c.is_alphabetic()) => {
            return Err(format!("expected a field such as faces, found {name:?}"));
        }
        _ => match name.split_once('.') {
            None => Field::Count(name.into()),
            Some((kind, "confidence")) => Field::Confidence(kind.into()),
            Some((_, part)) => return Err(format!("unknown part {part:?} of {name:?}; known is confidence")),
        },
    })
}
