-- What the poller reads: one row for each event, the newest last. `changed_at` must never go back for rows already seen;
-- rows of one moment are told apart by `event_no`. Here for SQLite; the same view can be written for any database.
CREATE VIEW IF NOT EXISTS tppo_events AS
SELECT changed_at, event_no, application_no, happened_at, office,
       nik, kk_no, name, birth_date, kind, purpose, country, stay_days, phone
FROM applications;
