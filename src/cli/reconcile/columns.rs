//! The names of the columns of a file of Corefy's.

/// The columns, by what they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Corefy's id of the payment.
    pub id: String,
    /// The reference that the gateway gave it: the intent's id.
    pub reference: String,
    /// Amount as a decimal in major units.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
    /// How it stands.
    pub status: String,
    /// The sum of the refunds that succeeded.
    pub refunded: String,
    /// When it was created, as RFC 3339.
    pub created_at: String,
}

impl Default for Columns {
    fn default() -> Self {
        let [id, reference, amount, currency, status, refunded, created_at] =
            ["id", "reference", "amount", "currency", "status", "refunded", "created_at"].map(str::to_owned);
        Self { id, reference, amount, currency, status, refunded, created_at }
    }
}

impl Columns {
    /// Reads `id=payment_id,amount=sum`; those that are not named have their default.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut columns = Self::default();
        for pair in text.split(',') {
            let (what, name) = pair.split_once('=').filter(|(_, name)| !name.trim().is_empty()).ok_or_else(wrong)?;
            *columns.column(what.trim()).ok_or_else(wrong)? = name.trim().to_owned();
        }
        Ok(columns)
    }

    fn column(&mut self, what: &str) -> Option<&mut String> {
        match what {
            "id" => Some(&mut self.id),
            "reference" => Some(&mut self.reference),
            "amount" => Some(&mut self.amount),
            "currency" => Some(&mut self.currency),
            "status" => Some(&mut self.status),
            "refunded" => Some(&mut self.refunded),
            "created_at" => Some(&mut self.created_at),
            _ => None,
        }
    }
}

fn wrong() -> String {
    "must be pairs such as id=payment_id,amount=sum, of id, reference, amount, currency, status, refunded and created_at".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_not_named_have_their_default() {
        let columns = Columns::parse("id=payment_id, amount = Sum").unwrap();
        assert_eq!(columns, Columns { id: "payment_id".into(), amount: "Sum".into(), ..Columns::default() });
        for wrong in ["", "id", "id=", "name=x", "id=a,,"] {
            assert!(Columns::parse(wrong).is_err(), "{wrong}");
        }
    }
}
