//! Faults of the database, made by triggers of its own: a statement that fails, one that takes its transaction with it, and a
//! COMMIT that fails.

use crate::support::database::{Backend, TestDatabase};

/// A fault of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseFault {
    /// The statement.
    Statement,
    /// The statement, and all of its transaction with it: as SQLite does where a disk is full, and PostgreSQL where a session
    /// is ended.
    Transaction,
    /// The COMMIT.
    Commit,
}

impl DatabaseFault {
    pub const ALL: [Self; 3] = [Self::Statement, Self::Transaction, Self::Commit];

    /// Makes statements of these kinds on `table` fail from now on.
    pub async fn begin(self, database: &TestDatabase, table: &str, kinds: &[&str]) {
        let timing = if self == Self::Commit { "AFTER" } else { "BEFORE" };
        for kind in kinds {
            let name = format!("fault_{table}_{kind}");
            match database.backend() {
                Backend::Sqlite => {
                    for sql in [
                        "CREATE TABLE IF NOT EXISTS kept (n INTEGER PRIMARY KEY)",
                        "CREATE TABLE IF NOT EXISTS promises (n INTEGER REFERENCES kept (n) DEFERRABLE INITIALLY DEFERRED)",
                    ] {
                        database.execute(sql).await;
                    }
                    let program = self.program();
                    let sql = format!("CREATE TRIGGER {name} {timing} {kind} ON {table} BEGIN {program}; END");
                    database.execute(&sql).await;
                }
                Backend::Postgres => {
                    let program = self.body();
                    let function = format!(
                        "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
                         $$ BEGIN {program}; RETURN NULL; END $$"
                    );
                    database.execute(&function).await;
                    let (constraint, deferred) = match self {
                        Self::Commit => ("CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED"),
                        Self::Statement | Self::Transaction => ("", ""),
                    };
                    let sql = format!(
                        "CREATE {constraint} TRIGGER {name} {timing} {kind} ON {table} {deferred}
                         FOR EACH ROW EXECUTE FUNCTION {name}()"
                    );
                    database.execute(&sql).await;
                }
            }
        }
    }

    /// Lets them work again.
    pub async fn end(database: &TestDatabase, table: &str, kinds: &[&str]) {
        for kind in kinds {
            let name = format!("fault_{table}_{kind}");
            let on = if database.backend() == Backend::Postgres { format!(" ON {table}") } else { String::new() };
            database.execute(&format!("DROP TRIGGER {name}{on}")).await;
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Statement => "SELECT RAISE(ABORT, 'injected')",
            Self::Transaction => "SELECT RAISE(ROLLBACK, 'injected')",
            Self::Commit => "INSERT INTO promises (n) VALUES (1)",
        }
    }

    fn body(self) -> &'static str {
        match self {
            Self::Statement => "RAISE EXCEPTION 'injected' USING ERRCODE = '58030'",
            Self::Transaction => "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1)",
            Self::Commit => "RAISE EXCEPTION 'injected' USING ERRCODE = '53100'",
        }
    }
}
