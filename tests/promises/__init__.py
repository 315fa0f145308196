"""What the product promises about safety (the numbers are the promises'), and where each is tested.

A promise that has its test in the room that keeps it is not tested here again.

1   every id is found through what the asker may use: test_who_may; ../test_doors, views/test_media,
    admin/test_panel
3   an ended sign-in takes effect at once: test_ended_sign_ins; ../test_doors, generation/test_viewing,
    admin/test_people
4   a send id belongs to its sender: test_who_may; services/test_sending
5   one door, no default for a secret: test_one_door, test_starting, test_served; ../test_doors,
    admin/test_panel
6   nothing personal is kept: test_nothing_kept; ../test_doors (sign-out), views/test_media
7   text drives nothing: test_text; rendering/test_hostile_texts, generation/test_viewing,
    admin/test_panel, browser/test_chat
8   rendering has a budget: test_bounds; rendering/test_budgets, test_lexers, test_highlighting
9   foreign pictures never load: test_text; rendering/test_markdown, views/test_media, browser/test_chat
12  search words, strict JSON: test_fuzz; views/test_pages, chainhub/test_strict_json, admin/test_models
13  no redirect, no proxy, no netrc: chainhub/test_connections, services/test_catalog
19  fairness and quotas: test_quotas; generation/test_claims, services/test_files, services/test_sending
20  what is unpacked is bounded: test_bounds, test_served; services/test_pictures, views/test_media,
    chainhub/test_sse, chainhub/test_client
21  absurd usage is not counted: services/test_calls, chainhub/test_recordings
22  hostile requests get 4xx: test_fuzz, test_served; ../test_doors, admin/test_panel
--  no key, cookie or message text in logs and reports: test_logs, test_served; admin/test_keys,
    services/test_catalog
--  `check --deploy`: ../checks.py, in `make check`

Promises 2, 10, 11 and 14 to 18 are about parts that come with later issues, or stand in the rooms that
keep them.
"""
