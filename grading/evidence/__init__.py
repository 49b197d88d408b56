"""Why a submission lost its points, for staff: gathered by grading it again, as text and as a page."""
