//! Vectors with a byte per dimension.
//!
//! A quarter of the memory of floats, and of the time to read them; how like two vectors are comes out within a hundredth of what
//! it was, which orders answers no worse than the models themselves do.

/// More than any model has: a sum of so many products of two bytes fits into 32 bits.
const DIMENSIONS_MAX: usize = 16_384;

/// The greatest number that a dimension is written as.
const LARGEST: f32 = 127.0;

/// A direction: whatever its length was, it is 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector {
    /// What one step of a dimension is worth.
    pub scale: f32,
    /// The dimensions, in steps.
    pub steps: Vec<i8>,
}

impl Vector {
    /// The direction of what a provider gave. None where there is no direction: nothing, zeros, what is no number.
    #[must_use]
    pub fn of(values: &[f32]) -> Option<Self> {
        if values.len() > DIMENSIONS_MAX {
            return None;
        }
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        if !length.is_finite() || length <= 0.0 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "from -127 to 127, by the division")]
        let steps = values.iter().map(|value| (value / largest * LARGEST).round() as i8).collect();
        Some(Self { scale: largest / length / LARGEST, steps })
    }

    /// As it is kept: a byte per dimension.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.steps.iter().map(|step| step.cast_unsigned()).collect()
    }

    /// The cosine of the angle to another vector, which is given by its parts: 1 for the same direction, 0 for nothing in common.
    /// Of other dimensions than its own: 0.
    #[must_use]
    pub fn likeness(&self, scale: f32, steps: &[i8]) -> f32 {
        if steps.len() != self.steps.len() {
            return 0.0;
        }
        let products = self.steps.iter().zip(steps).map(|(one, other)| i32::from(*one) * i32::from(*other));
        #[expect(clippy::cast_precision_loss, reason = "it is a hundredth that matters")]
        let sum = products.sum::<i32>() as f32;
        sum * self.scale * scale
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(one: &[f32], other: &[f32]) -> f32 {
        let product = |one: &[f32], other: &[f32]| -> f32 { one.iter().zip(other).map(|(a, b)| a * b).sum() };
        product(one, other) / (product(one, one).sqrt() * product(other, other).sqrt())
    }

    #[test]
    fn what_has_no_direction_is_no_vector() {
        for none in [&[][..], &[0.0, 0.0], &[f32::NAN, 1.0], &[f32::INFINITY], &[1.0; 20_000]] {
            assert_eq!(Vector::of(none), None);
        }
    }

    #[test]
    fn vectors_of_other_dimensions_have_nothing_in_common() {
        let (two, three) = (Vector::of(&[1.0, 1.0]).unwrap(), Vector::of(&[1.0, 1.0, 1.0]).unwrap());
        assert!(two.likeness(three.scale, &three.steps).abs() < f32::EPSILON);
    }

    proptest! {
        #[test]
        fn likeness_is_the_cosine_to_a_hundredth(
            pair in (1..64_usize).prop_flat_map(|n| (prop::collection::vec(-1.0..1.0_f32, n), prop::collection::vec(-1.0..1.0_f32, n)))
        ) {
            let (one, other) = pair;
            let (Some(a), Some(b)) = (Vector::of(&one), Vector::of(&other)) else { return Ok(()) };
            prop_assert!((a.likeness(b.scale, &b.steps) - exact(&one, &other)).abs() < 0.012);
            prop_assert!((a.likeness(a.scale, &a.steps) - 1.0).abs() < 0.012);
        }
    }
}
