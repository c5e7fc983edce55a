//! States to filter a list by.

use super::fields::Fields;

/// Reads the states to filter by, in the order of `all`; none does not filter. At most as many as there are.
pub(super) fn read<S: Copy, const N: usize>(
    fields: &mut Fields,
    all: [S; N],
    wire: impl Fn(S) -> i32,
    numbers: &[i32],
) -> Vec<S> {
    if numbers.len() > N {
        fields.refuse("states", format!("must have at most {N} entries"));
        return Vec::new();
    }
    for (place, number) in numbers.iter().enumerate() {
        if !all.iter().any(|state| wire(*state) == *number) {
            fields.refuse(&format!("states[{place}]"), "must be a state");
        }
    }
    all.into_iter().filter(|state| numbers.contains(&wire(*state))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::refund::RefundState, pb};

    fn states(numbers: &[i32]) -> Result<Vec<RefundState>, Vec<String>> {
        let mut fields = Fields::default();
        let states = read(&mut fields, RefundState::ALL, |state| pb::RefundState::from(state).into(), numbers);
        fields.finish(Some(states)).map_err(|error| error.violations.iter().map(|wrong| wrong.field.clone()).collect())
    }

    #[test]
    fn states_have_one_order_however_they_were_given() {
        assert_eq!(states(&[]).unwrap(), []);
        assert_eq!(states(&[3, 1, 3]).unwrap(), [RefundState::Pending, RefundState::Failed]);
        assert_eq!(states(&[1, 2, 3, 4]).unwrap(), RefundState::ALL);
    }

    #[test]
    fn each_one_that_is_no_state_is_named() {
        assert_eq!(states(&[0, 1, 99]).unwrap_err(), ["states[0]", "states[2]"]);
        assert_eq!(states(&[1, 1, 1, 1, 1]).unwrap_err(), ["states"]);
    }
}
