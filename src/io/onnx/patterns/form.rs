//! Functions of one number as sums of products, so that each has one form however it was taken apart.

use super::super::op::Part;
use crate::Activation;

/// Σ factor·xᵖ·Π functions of x.
#[derive(Debug, Clone)]
pub(super) struct Form(Vec<Term>);

#[derive(Debug, Clone)]
struct Term {
    factor: f64,
    power: u32,
    functions: Vec<Function>,
}

#[derive(Debug, Clone)]
struct Function {
    kind: Kind,
    of: Vec<Form>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Part(Part),
    Activation(Activation),
    /// Kept between 0 and 1.
    Clip,
    /// Whether it is above a number, which is subtracted.
    IsAbove,
    /// The second where the first is, else the third.
    Choice,
}

/// No function of a layer has more of them.
const MOST_TERMS: usize = 12;

/// How deep functions are inside of functions: those of a logarithm of a sigmoid.
const MOST_DEEP: usize = 3;

/// The most terms and functions of all depths.
const MOST_PARTS: usize = 48;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * a.abs().max(b.abs())
}

impl Form {
    /// x itself.
    pub(super) fn x() -> Self {
        Self(vec![Term { factor: 1.0, power: 1, functions: Vec::new() }])
    }

    pub(super) fn number(number: f64) -> Self {
        Self(vec![Term { factor: number, power: 0, functions: Vec::new() }])
    }

    fn function(kind: Kind, of: Vec<Self>) -> Self {
        Self(vec![Term { factor: 1.0, power: 0, functions: vec![Function { kind, of }] }])
    }

    fn deep(&self) -> usize {
        self.0
            .iter()
            .flat_map(|term| &term.functions)
            .flat_map(|function| &function.of)
            .map(|of| of.deep() + 1)
            .max()
            .unwrap_or(0)
    }

    fn parts(&self) -> usize {
        let functions = self.0.iter().flat_map(|term| &term.functions);
        self.0.len() + functions.flat_map(|function| &function.of).map(|of| of.parts() + 1).sum::<usize>()
    }

    /// The form, unless it is larger than that of any layer.
    fn bounded(self) -> Option<Self> {
        let is_small = |term: &Term| term.functions.len() <= 4 && term.power <= 8;
        let fits = self.0.len() <= MOST_TERMS && self.0.iter().all(is_small);
        (fits && self.deep() <= MOST_DEEP && self.parts() <= MOST_PARTS).then_some(self)
    }

    pub(super) fn plus(mut self, other: Self) -> Option<Self> {
        for term in other.0 {
            match self
                .0
                .iter_mut()
                .find(|own| own.power == term.power && same(&own.functions, &term.functions))
            {
                Some(own) => own.factor += term.factor,
                None => self.0.push(term),
            }
        }
        self.bounded()
    }

    pub(super) fn scaled(mut self, factor: f64) -> Self {
        self.0.iter_mut().for_each(|term| term.factor *= factor);
        self
    }

    pub(super) fn times(&self, other: &Self) -> Option<Self> {
        let mut product = Self(Vec::new());
        for a in &self.0 {
            for b in &other.0 {
                let functions = [&a.functions[..], &b.functions].concat();
                product = product.plus(Self(vec![Term {
                    factor: a.factor * b.factor,
                    power: a.power + b.power,
                    functions,
                }]))?;
            }
        }
        Some(product)
    }

    pub(super) fn part(self, part: Part) -> Option<Self> {
        match part {
            Part::Power(-1.0) => Self::function(Kind::Part(Part::Reciprocal), vec![self]).bounded(),
            Part::Power(power) if power == 2.0 || power == 3.0 => {
                (1..power as u32).try_fold(self.clone(), |product, _| product.times(&self))
            }
            Part::Power(_) => None,
            Part::Above(number) => {
                Self::function(Kind::IsAbove, vec![self.plus(Self::number(-number))?]).bounded()
            }
            part => Self::function(Kind::Part(part), vec![self]).bounded(),
        }
    }

    pub(super) fn choice(condition: Self, a: Self, b: Self) -> Option<Self> {
        Self::function(Kind::Choice, vec![condition, a, b]).bounded()
    }

    /// An activation of this, taken apart where it can be.
    pub(super) fn activation(self, activation: Activation) -> Option<Self> {
        let one = Self::number(1.0);
        match activation {
            Activation::Sigmoid => one.plus(self.scaled(-1.0).part(Part::Exp)?)?.part(Part::Reciprocal),
            Activation::Softplus => one.plus(self.part(Part::Exp)?)?.part(Part::Log),
            Activation::Relu6 => self.activation(Activation::HardTanh { min: 0.0, max: 6.0 }),
            Activation::HardTanh { min, max } if min == 0.0 && max.is_finite() => {
                Some(Self::function(Kind::Clip, vec![self.scaled(max.recip())]).bounded()?.scaled(max))
            }
            Activation::HardSigmoid { alpha, beta } => {
                Self::function(Kind::Clip, vec![self.scaled(alpha).plus(Self::number(beta))?]).bounded()
            }
            other => Self::function(Kind::Activation(other), vec![self]).bounded(),
        }
    }

    fn same(&self, other: &Self) -> bool {
        let count = |form: &Self| form.0.iter().filter(|term| term.factor != 0.0).count();
        let has = |term: &Term| {
            term.factor == 0.0
                || other.0.iter().any(|other| {
                    term.power == other.power
                        && near(term.factor, other.factor)
                        && same(&term.functions, &other.functions)
                })
        };
        count(self) == count(other) && self.0.iter().all(has)
    }

    /// a and b of a·x + b.
    fn line(&self) -> Option<(f64, f64)> {
        let of = |power: u32| {
            self.0.iter().filter(|term| term.power == power).map(|term| term.factor).sum::<f64>()
        };
        let is_line = self.0.iter().all(|term| term.functions.is_empty() && term.power <= 1);
        is_line.then(|| (of(1), of(0)))
    }

    /// The activation that this is, one of those that are known or of their families.
    pub(super) fn named(&self, known: &[(Activation, Self)]) -> Option<Activation> {
        if let Some((activation, _)) = known.iter().find(|known| known.1.same(self)) {
            return Some(*activation);
        }
        let [Term { factor: 1.0, power: 0, functions }] = &self.0[..] else { return None };
        match &functions[..] {
            [Function { kind: Kind::Clip, of }] => {
                let (alpha, beta) = of[0].line()?;
                Some(Activation::HardSigmoid { alpha, beta }).filter(|_| alpha != 0.0)
            }
            [Function { kind: Kind::Choice, of }] => self.scaled_softplus(&of[0]),
            _ => None,
        }
    }

    /// x where beta·x is above a threshold, else ln(1 + e^(beta·x))/beta.
    fn scaled_softplus(&self, condition: &Self) -> Option<Activation> {
        let [Term { functions, .. }] = &condition.0[..] else { return None };
        let [Function { kind: Kind::IsAbove, of }] = &functions[..] else { return None };
        let (beta, threshold) = of[0].line()?;
        let activation = Activation::ScaledSoftplus { beta, threshold: -threshold };
        let softplus = Self::x().scaled(beta).activation(Activation::Softplus)?.scaled(beta.recip());
        let form = Self::choice(condition.clone(), Self::x(), softplus)?;
        (beta > 0.0 && form.same(self)).then_some(activation)
    }
}

/// Whether these are the same, in any order.
fn same(a: &[Function], b: &[Function]) -> bool {
    let equal = |a: &Function, b: &Function| {
        a.kind == b.kind && a.of.len() == b.of.len() && a.of.iter().zip(&b.of).all(|(a, b)| a.same(b))
    };
    let count = |all: &[Function], one: &Function| all.iter().filter(|other| equal(other, one)).count();
    a.len() == b.len() && a.iter().all(|one| count(a, one) == count(b, one))
}

/// The functions that have a name, each in its form.
pub(super) fn known() -> Vec<(Activation, Form)> {
    let x = Form::x;
    let sigmoid = |form: Form| form.activation(Activation::Sigmoid);
    let forms = [
        (Activation::Silu, sigmoid(x()).and_then(|gate| x().times(&gate))),
        (Activation::Sigmoid, sigmoid(x())),
        (Activation::Softplus, x().activation(Activation::Softplus)),
        (Activation::LogSigmoid, sigmoid(x()).and_then(|form| form.part(Part::Log))),
        (
            Activation::LogSigmoid,
            x().scaled(-1.0).activation(Activation::Softplus).map(|form| form.scaled(-1.0)),
        ),
        (
            Activation::TanhShrink,
            x().activation(Activation::Tanh).and_then(|tanh| x().plus(tanh.scaled(-1.0))),
        ),
        (
            Activation::Softsign,
            x().part(Part::Absolute)
                .and_then(|x| Form::number(1.0).plus(x)?.part(Part::Reciprocal))
                .and_then(|by| x().times(&by)),
        ),
        (
            Activation::Mish,
            x().activation(Activation::Softplus)
                .and_then(|form| form.activation(Activation::Tanh))
                .and_then(|gate| x().times(&gate)),
        ),
        (
            Activation::HardSwish,
            x().activation(Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 })
                .and_then(|gate| x().times(&gate)),
        ),
        (
            Activation::Gelu,
            x().scaled(0.5_f64.sqrt())
                .part(Part::Erf)
                .and_then(|erf| erf.plus(Form::number(1.0))?.times(&x().scaled(0.5))),
        ),
        (
            Activation::GeluTanh,
            x().part(Part::Power(3.0))
                .and_then(|cube| cube.scaled(0.044_715).plus(x()))
                .and_then(|inner| {
                    inner.scaled(std::f64::consts::FRAC_2_PI.sqrt()).activation(Activation::Tanh)
                })
                .and_then(|tanh| tanh.plus(Form::number(1.0))?.times(&x().scaled(0.5))),
        ),
    ];
    forms.into_iter().filter_map(|(activation, form)| Some((activation, form?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_has_one_form() {
        for (activation, form) in known() {
            assert_eq!(form.named(&known()), Some(activation));
            assert_eq!(form.clone().scaled(1.001).named(&known()), None, "{activation:?}");
            assert_eq!(form.plus(Form::number(0.01)).unwrap().named(&known()), None, "{activation:?}");
        }
        // x·0.5·(1 + erf(x/√2)), x/2 + x/2·erf(x/√2), and with another number.
        let erf = |by: f64| Form::x().scaled(by.recip()).part(Part::Erf).unwrap();
        let (half, root) = (Form::x().scaled(0.5), 2.0_f64.sqrt());
        assert_eq!(
            half.clone().plus(half.times(&erf(root)).unwrap()).unwrap().named(&known()),
            Some(Activation::Gelu)
        );
        assert_eq!(half.clone().plus(half.times(&erf(1.5)).unwrap()).unwrap().named(&known()), None);
        // x·min(max(x + 3, 0), 6)/6.
        let clipped = Form::x().plus(Form::number(3.0)).unwrap().activation(Activation::Relu6).unwrap();
        assert_eq!(
            Form::x().times(&clipped).unwrap().scaled(1.0 / 6.0).named(&known()),
            Some(Activation::HardSwish)
        );
        assert_eq!(
            clipped.scaled(1.0 / 6.0).named(&known()),
            Some(Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 })
        );
    }
}
