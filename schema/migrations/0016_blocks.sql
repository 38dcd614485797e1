-- A merge has a block of each column of each part in memory, of up to 1 MiB: 323 MB for eight parts of `violations`. Of
-- 128 KiB at most it has 203 MB, and a row takes 1% more of the disk.
ALTER TABLE violations MODIFY SETTING max_compress_block_size = 131072;
ALTER TABLE sources MODIFY SETTING max_compress_block_size = 131072;
