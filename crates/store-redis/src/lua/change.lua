-- Replaces a run that is at a version. A repetition of the same call is told what it was told; anybody else who asks
-- for the same change at the same version was too late, even if the change is equal to the letter.
local old = header(KEYS[1])
if not old then return { 'conflict', '' } end
local version = tonumber(ARGV[12])
if old.version == version then return { 'stored', write(version + 1, old) } end
local alarm = told(old, version + 1, ARGV[1])
if alarm then return { 'stored', alarm } end
return { 'conflict', '' }
