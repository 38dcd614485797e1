-- A week that is over, and six hours without an insert into it, is merged into one part: else it stays in some seven, and
-- each of them has a row of a violation that was seen all week. Of 10 million rows of a month `weeks` then has 1.9
-- million rows instead of 3.5, and the first page takes 1.7 s of a core instead of 2.7.
ALTER TABLE violations MODIFY SETTING min_age_to_force_merge_seconds = 21600, min_age_to_force_merge_on_partition_only = 1;
ALTER TABLE minutes MODIFY SETTING min_age_to_force_merge_seconds = 21600, min_age_to_force_merge_on_partition_only = 1;
ALTER TABLE weeks MODIFY SETTING min_age_to_force_merge_seconds = 21600, min_age_to_force_merge_on_partition_only = 1;
ALTER TABLE hours MODIFY SETTING min_age_to_force_merge_seconds = 21600, min_age_to_force_merge_on_partition_only = 1;
ALTER TABLE ledger MODIFY SETTING min_age_to_force_merge_seconds = 21600, min_age_to_force_merge_on_partition_only = 1;
ALTER TABLE ledger_hours MODIFY SETTING min_age_to_force_merge_seconds = 21600, min_age_to_force_merge_on_partition_only = 1;

-- Sources and policies are of no week, and few: what is older than six hours is merged together, four times a day.
ALTER TABLE sources MODIFY SETTING min_age_to_force_merge_seconds = 21600;
ALTER TABLE site_policies MODIFY SETTING min_age_to_force_merge_seconds = 21600;
