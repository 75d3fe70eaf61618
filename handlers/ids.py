"""The names by which Slack hands things back: what is pressed, filled in, or chosen."""

import re

COMMAND = "/binder"

# Buttons; the value is the binder's id.
OPEN = "binder_open"
STOP = "binder_stop"
LOG = "binder_log"
RETRY = "binder_retry"
RETRY_WITHOUT_CONDA = "binder_retry_without_conda"
SHELVE = "binder_shelve"
RESUME = "binder_resume"
HOLD = "binder_hold"
KEEP = "binder_keep"
KEEP_TONIGHT = "binder_keep_tonight"
SAVE = "binder_save"
SAVE_AND_STOP = "binder_save_and_stop"
STOP_ANYWAY = "binder_stop_anyway"
SHARE = "binder_share"
"""Opens the form in which a binder is shared."""
LAUNCH_LINK = "binder_launch_link"
LAUNCH_THIS = "binder_launch_this"
"""Launches what a link asks for; the value is the launch text."""
ASK_FOR_HELP = "binder_ask_for_help"
"""Shows what would be posted where others help."""
POST_HELP = "binder_post_help"
"""Posts it."""
APPROVE = "binder_approve"
DENY = "binder_deny"
"""Opens the form that asks why a launch is denied."""
MENU = "binder_menu"
"""The menu beside the buttons; the value of what is chosen is the name of its button and the binder's id."""
MORE = "binder_more"
"""Chosen from the menu: shows all that can be done, in a modal of the same name."""
FORM = "binder_form"
"""Opens the form; has no value."""

# Buttons of classes; the value is the id of the class.
CLASS_JOIN = "class_join"
CLASS_STATUS = "class_status"
CLASS_EXTEND = "class_extend"
CLASS_END = "class_end"

CANDIDATE_PREFIX = "binder_candidate:"
CANDIDATE = re.compile(rf"^{CANDIDATE_PREFIX}")
"""One of several that may be meant; the value is a `handlers.messages.candidates.Candidate`."""

LINK_PREFIX = "link:"
LINK = re.compile(rf"^{LINK_PREFIX}")
"""Buttons that carry a URL: Slack tells of the click all the same, and waits for an answer."""

HOME_MINE = "binder_home_mine"
"""Turns the Home tab to one's own binders."""
HOME_PAGE_PREFIX = "binder_home_page:"
HOME_PAGE = re.compile(rf"^{HOME_PAGE_PREFIX}(\d{{1,6}})$")
"""Turns the Home tab of an admin to a page of all binders: two such buttons stand in one row."""

ADMIN_PAGE_PREFIX = "admin_page:"
ADMIN_PAGE = re.compile(rf"^{ADMIN_PAGE_PREFIX}(\d{{1,6}})$")
"""Shows an admin another page of all binders."""
ADMIN_ANNOUNCE = "admin_announce"
"""Posts an announcement; the value is a `handlers.messages.admin_text.Announcement`."""

# Fields that are asked about while a form is open
REPOSITORY = "launch_repository"
REFS = "launch_refs"
"""Slack asks for the branches and tags of the repository."""
GROUPS = "share_with_groups"
"""Slack asks for the user groups."""

# Views and shortcuts
LAUNCH_FORM = "launch_form"
SHARE_FORM = "share_form"
DENY_FORM = "deny_form"
LAUNCH_MESSAGE = "launch_from_message"
LAUNCH_ANYWHERE = "launch_anywhere"

METADATA_EVENT = "binder_bot"
"""The type of the metadata by which a message of ours is found again."""
