"""Wrong answers that students give: `KNOWN_WRONG = {question: {mistake: answer}}`, one module per exercise."""
