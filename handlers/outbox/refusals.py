"""Slack's words for why a message cannot be posted or edited where it should be."""

CHANNEL_REFUSED = frozenset(
    {
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "user_not_in_channel",
        "method_not_supported_for_channel_type",
    }
)
"""The channel takes no message of ours."""
ROOT_LOST = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "cannot_reply_to_message",
    }
)
"""The message is not there any more, or can no longer be edited."""
