//! Lists: a SELECT that grows by the filters that are set, so that each uses the index made for it.

use sqlx::{
    Any, Arguments as _, AssertSqlSafe, Encode, Executor, Type,
    any::{AnyArguments, AnyRow},
};

use super::Error;
use crate::domain::{
    clock::{TimeRange, Timestamp},
    list_filters::ListOrder,
};

/// The row after which a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPosition {
    /// When the object was made; when it last changed, in a list by change; nothing, in a list by reference.
    pub moment: Timestamp,
    /// Its id, which orders those of one moment; its reference, in a list by reference.
    pub id: String,
}

/// A SELECT in the making.
pub(super) struct ListQuery {
    sql: String,
    arguments: AnyArguments,
    /// Conditions of which each is asked for by itself; of all at once, when there are none.
    arms: Vec<String>,
}

impl ListQuery {
    /// Everything from `table`.
    pub(super) fn from(table: &str) -> Self {
        Self::of("*", table)
    }

    /// The number of rows of `table`, as `total`.
    pub(super) fn count(table: &str) -> Self {
        Self::of("COUNT(*) AS total", table)
    }

    /// These columns, in SQL, from `table`.
    pub(super) fn of(columns: &str, table: &str) -> Self {
        Self {
            sql: format!("SELECT {columns} FROM {table} WHERE TRUE"),
            arguments: AnyArguments::default(),
            arms: Vec::new(),
        }
    }

    /// Only rows for which `column operator value` holds, when there is a value.
    pub(super) fn and<'q, T>(mut self, column: &str, operator: &str, value: Option<T>) -> Result<Self, Error>
    where
        T: Encode<'q, Any> + Type<Any> + 'q,
    {
        if let Some(value) = value {
            let place = self.bind(value)?;
            self.sql.push_str(&format!(" AND {column} {operator} {place}"));
        }
        Ok(self)
    }

    /// Only rows of which a condition of the program's own holds, in which `{}` stands for `value`.
    pub(super) fn holding<'q, T>(mut self, condition: &'static str, value: T) -> Result<Self, Error>
    where
        T: Encode<'q, Any> + Type<Any> + 'q,
    {
        let place = self.bind(value)?;
        self.sql.push_str(&format!(" AND {}", condition.replace("{}", &place)));
        Ok(self)
    }

    /// Only rows of which one of the conditions holds, each with its value, when there are any.
    pub(super) fn holding_any(mut self, conditions: &[(&'static str, String)]) -> Result<Self, Error> {
        let mut written = Vec::with_capacity(conditions.len());
        for (condition, value) in conditions {
            written.push(condition.replace("{}", &self.bind(value.clone())?));
        }
        if !written.is_empty() {
            self.sql.push_str(&format!(" AND ({})", written.join(" OR ")));
        }
        Ok(self)
    }

    /// Only rows after this moment in `column`; of those of the moment itself, only the ones after this id.
    pub(super) fn and_after(mut self, column: &str, moment: i64, id: String) -> Result<Self, Error> {
        let (moment, id) = (self.bind(moment)?, self.bind(id)?);
        self.sql.push_str(&format!(" AND {column} >= {moment} AND ({column} > {moment} OR id > {id})"));
        Ok(self)
    }

    /// Only rows after this list and value, in that order.
    pub(super) fn and_after_pair(mut self, list: &str, value: &str) -> Result<Self, Error> {
        let (list, value) = (self.bind(list.to_owned())?, self.bind(value.to_owned())?);
        self.sql.push_str(&format!(" AND (list, value) > ({list}, {value})"));
        Ok(self)
    }

    /// Only rows that follow this one in a list by creation, when there is one.
    pub(super) fn and_after_position(mut self, position: Option<&ListPosition>) -> Result<Self, Error> {
        if let Some(ListPosition { moment, id }) = position {
            let (moment, id) = (self.bind(moment.0)?, self.bind(id.clone())?);
            self.sql.push_str(&format!(" AND (created_at, id) < ({moment}, {id})"));
        }
        Ok(self)
    }

    /// The same of a list by change, when that is its order.
    pub(super) fn and_after_in(mut self, order: ListOrder, position: Option<&ListPosition>) -> Result<Self, Error> {
        match position {
            Some(ListPosition { moment: created_at, id }) if order == ListOrder::Change => {
                let (moment, id) = (self.bind(created_at.0)?, self.bind(id.clone())?);
                self.sql.push_str(&format!(" AND (updated_at, id) > ({moment}, {id})"));
                Ok(self)
            }
            position => self.and_after_position(position),
        }
    }

    /// The placeholder of one more value.
    pub(super) fn bind<'q, T>(&mut self, value: T) -> Result<String, Error>
    where
        T: Encode<'q, Any> + Type<Any> + 'q,
    {
        self.arguments.add(value).map_err(sqlx::Error::Encode)?;
        Ok(format!("${}", self.arguments.len()))
    }

    /// Only rows of which this condition of the program's own holds; written as in the index that is made for it.
    pub(super) fn only(mut self, condition: &'static str) -> Self {
        self.sql.push_str(&format!(" AND {condition}"));
        self
    }

    /// Only rows whose `column` is one of `values`, when there are any.
    pub(super) fn and_in(mut self, column: &str, values: &[String]) -> Result<Self, Error> {
        let mut places = Vec::with_capacity(values.len());
        for value in values {
            places.push(self.bind(value.clone())?);
        }
        if !places.is_empty() {
            self.sql.push_str(&format!(" AND {column} IN ({})", places.join(", ")));
        }
        Ok(self)
    }

    /// Only rows whose moment in `column` lies in `range`.
    pub(super) fn and_within(self, column: &str, range: TimeRange) -> Result<Self, Error> {
        let (from, before) = (range.from.map(|time| time.0), range.before.map(|time| time.0));
        self.and(column, ">=", from)?.and(column, "<", before)
    }

    /// Only rows whose `column` is one of `words`, when there are any. Each is looked for by itself, so that an index which
    /// begins with the column gives its rows in their order, and no more of them are read than are shown.
    pub(super) fn each(mut self, column: &str, words: impl Iterator<Item = &'static str>) -> Result<Self, Error> {
        for word in words {
            let place = self.bind(word.to_owned())?;
            self.arms.push(format!("{column} = {place}"));
        }
        Ok(self)
    }

    /// Its SQL for at most `limit` rows in `order`, with the values that it takes.
    pub(super) fn into_sql(self, order: &str, limit: u32) -> (String, AnyArguments) {
        (self.sql(order, limit), self.arguments)
    }

    /// At most `limit` rows in `order`.
    pub(super) async fn fetch(
        self,
        on: impl Executor<'_, Database = Any>,
        order: &str,
        limit: u32,
    ) -> Result<Vec<AnyRow>, Error> {
        let sql = self.sql(order, limit);
        Ok(sqlx::query_with(AssertSqlSafe(sql), self.arguments).fetch_all(on).await?)
    }

    /// The database's plan for [`Self::fetch`].
    #[cfg(test)]
    pub(super) async fn explain(
        self,
        explain: &str,
        on: &mut sqlx::AnyConnection,
        order: &str,
        limit: u32,
    ) -> Result<Vec<AnyRow>, Error> {
        let sql = format!("{explain} {}", self.sql(order, limit));
        Ok(sqlx::query_with(AssertSqlSafe(sql), self.arguments).fetch_all(on).await?)
    }

    fn sql(&self, order: &str, limit: u32) -> String {
        let end = format!("ORDER BY {order} LIMIT {limit}");
        let arm = |condition| format!("SELECT * FROM ({} AND {condition} {end}) AS arm", self.sql);
        match &self.arms[..] {
            [] => format!("{} {end}", self.sql),
            arms => format!("{} {end}", arms.iter().map(arm).collect::<Vec<_>>().join(" UNION ALL ")),
        }
    }
}
