//! The number of parameters by the formula in the documentation of a configuration.

use std::iter::Peekable;
use std::str::Chars;

use lookback_models::{Io, ModelConfig};
use lookback_registry::{Params, fields, to_params};
use serde_json::Value;

/// The value of the first formula behind "Parameters:"; those of the form `NAME = FORMULA` behind it define its names.
/// Others are parameters and the shape of the task. A bracket is 1 where its condition holds and 0 elsewhere.
pub fn documented<C: ModelConfig>(config: &C, io: Io) -> usize {
    let schema = schemars::schema_for!(C);
    let doc = schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
    let (_, formulas) = doc.split_once("Parameters: ").expect("the doc of a configuration counts its parameters");
    let mut spans = formulas.split('`').skip(1).step_by(2).map(str::to_owned);
    let count = spans.next().expect("a formula in backticks");
    let mut names: Vec<(String, String)> = spans
        .filter_map(|span| span.split_once(" = ").map(|(name, formula)| (name.to_owned(), formula.to_owned())))
        .collect();
    let shape = [("d_input", io.d_input), ("d_output", io.d_output), ("length", io.length)];
    names.extend(shape.map(|(name, value)| (name.to_owned(), value.to_string())));
    // The doc of an optional parameter says "null for `FORMULA`".
    names.extend(fields::<C>().into_iter().filter_map(|field| {
        let (_, formula) = field.doc.split_once("null for `")?;
        Some((field.name, formula.split('`').next()?.to_owned()))
    }));
    let value = Scope { params: to_params(config), names }.value(&count);
    assert!(value.fract() == 0.0, "`{count}` is {value}");
    value as usize
}

struct Scope {
    params: Params,
    names: Vec<(String, String)>,
}

type Text<'a> = Peekable<Chars<'a>>;

impl Scope {
    fn value(&self, formula: &str) -> f64 {
        let mut text = formula.chars().peekable();
        let value = self.sum(&mut text);
        assert!(next(&mut text).is_none(), "`{formula}` goes on behind its end: {}", text.collect::<String>());
        value
    }

    fn sum(&self, text: &mut Text) -> f64 {
        let mut sum = self.product(text);
        while let Some(sign @ ('+' | '-')) = next(text) {
            text.next();
            let term = self.product(text);
            sum += if sign == '+' { term } else { -term };
        }
        sum
    }

    /// Factors side by side, or behind a slash.
    fn product(&self, text: &mut Text) -> f64 {
        let mut product = self.power(text);
        while let Some(sign) = next(text).filter(|sign| !")]+-=>".contains(*sign)) {
            if sign == '/' {
                text.next();
                product /= self.power(text);
            } else {
                product *= self.power(text);
            }
        }
        product
    }

    fn power(&self, text: &mut Text) -> f64 {
        let base = self.factor(text);
        if next(text) != Some('^') {
            return base;
        }
        text.next();
        base.powf(self.factor(text))
    }

    fn factor(&self, text: &mut Text) -> f64 {
        match next(text).expect("a formula does not end with an operator") {
            '(' => {
                text.next();
                let value = self.sum(text);
                assert_eq!(text.next(), Some(')'));
                value
            }
            '[' => {
                text.next();
                let condition: String = text.by_ref().take_while(|sign| *sign != ']').collect();
                f64::from(self.holds(&condition))
            }
            _ => {
                let mut word = String::new();
                while let Some(sign) = text.next_if(|sign| sign.is_alphanumeric() || *sign == '_') {
                    word.push(sign);
                }
                word.parse().unwrap_or_else(|_| self.name(&word))
            }
        }
    }

    fn holds(&self, condition: &str) -> bool {
        match *condition.split(' ').collect::<Vec<_>>() {
            [flag] => self.params[flag] == true,
            [name, ">", least] => self.name(name) > least.parse().unwrap(),
            [name, "=", value] => match &self.params[name] {
                Value::String(is) => is == value,
                is => serde_json::to_string(is).is_ok_and(|text| text == value),
            },
            _ => panic!("`{condition}` is no condition"),
        }
    }

    fn name(&self, name: &str) -> f64 {
        if let Some(value) = self.params.get(name).and_then(Value::as_f64) {
            return value;
        }
        let formula = self.names.iter().find(|(known, _)| known == name);
        self.value(&formula.unwrap_or_else(|| panic!("`{name}` is no parameter, and is not defined")).1)
    }
}

/// The next character that is not a space.
fn next(text: &mut Text) -> Option<char> {
    while text.next_if_eq(&' ').is_some() {}
    text.peek().copied()
}

#[test]
fn formulas_are_mathematics() {
    let params = serde_json::json!({"n": 3, "wide": true, "norm": "layer", "d_head": null});
    let names = vec![("E".to_owned(), "2 n^2".to_owned()), ("d_head".to_owned(), "E / n".to_owned())];
    let scope = Scope { params: params.as_object().unwrap().clone(), names };
    for (formula, value) in [
        ("2 n^2 + 3 n / 2 - 1", 18.0 + 4.5 - 1.0),
        ("(n + 1) (E - n) d_head", 4.0 * 15.0 * 6.0),
        ("n [wide] + 10 [norm = layer] - 5 [norm = none] + [n > 2] + [n = 4]", 3.0 + 10.0 + 1.0),
    ] {
        assert_eq!(scope.value(formula), value, "{formula}");
    }
}
